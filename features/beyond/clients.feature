@phase_0
Feature: Slow clients
  A server that waits forever for a request to complete can be stopped by a hundred clients that never finish one.

  @cp_b11
  Rule: B11 Slow clients do not block voters

    Scenario: Three hundred slow clients
      Given 60 clients of each kind: silent, slow header, slow body, idle after a response, never reading
      When voters vote for as long as the slow clients are connected
      Then every slow client is dropped within 30 seconds
      And every vote cast meanwhile is accepted
