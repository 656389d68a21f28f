@phase_0
Feature: Slow clients
  A server that waits forever for a request to complete can be stopped by a hundred clients that never finish one.

  @cp_b11
  Rule: B11 Slow clients do not block voters

    Scenario: Two hundred and forty slow clients
      Given 30 clients of each kind
        | kind                           | responses |
        | silent                         | none      |
        | slow header                    | 408       |
        | slow body                      | 408       |
        | slow header after a response   | 408       |
        | slow body after a response     | 408       |
        | half a header behind a request | 200, 408  |
        | empty lines after a response   | none      |
        | never reading                  | unread    |
      When voters vote for as long as the slow clients are connected
      Then every slow client is dropped within 30 seconds
      And each that reads is dropped within 10 seconds, after the responses of its kind
      And every vote cast meanwhile is accepted
