@phase_0
Feature: Slow clients
  A server that waits forever for a request to complete can be stopped by a hundred clients that never finish one.

  @cp_b11
  Rule: B11 Slow clients do not block voters

    Scenario: Two hundred and seventy slow clients
      Given 30 clients of each kind
        | kind                           | responses |
        | silent                         | none      |
        | slow header                    | 408       |
        | slow body                      | 408       |
        | slow body of a form            | 408       |
        | slow header after a response   | 408       |
        | slow body after a response     | 408       |
        | half a header behind a request | 200, 408  |
        | empty lines after a response   | none      |
        | never reading                  | unread    |
      When voters vote for as long as the slow clients are connected
      Then every slow client is dropped within 30 seconds
      And each that reads is dropped within 10 seconds, after the responses of its kind
      And every vote cast meanwhile is accepted

    Scenario: A client that asks on and reads nothing
      When an API is started
      Then it is ready within 5 seconds
      When a client asks it 20000 times for the results, and reads no response
      Then it has answered at most 1000 of these requests, and dropped the client within 30 seconds

    Scenario: Hundreds of event streams
      Given 300 event streams of one API
      When the results change 3 times
      Then each client that reads gets each change within 2 seconds
      And the results were read once in 2 seconds at most, whatever the number of event streams

    Scenario: Event streams that nobody reads
      Given 5 event streams with large results, and 5 that nobody reads
      When the results change until the unread event streams are dropped
      Then every unread event stream was dropped
      And each client that reads gets each change within 2 seconds
