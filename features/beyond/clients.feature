@phase_0
Feature: A slow client costs nobody but itself
  A server that waits for ever for a request to become whole can be stopped by a hundred clients that never finish one.

  @cp_b11
  Rule: B11 Clients that are idle, drip or do not read are dropped, and votes of others are taken meanwhile

    Scenario: Three hundred slow clients
      Given 60 clients each that connect and say nothing, drip a header, drip a body, vote and stay, and do not read
      When voters vote for as long as the slow clients are there
      Then every slow client is dropped within 30 seconds
      And every vote cast meanwhile is accepted
