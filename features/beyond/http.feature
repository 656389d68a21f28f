@phase_0
Feature: HTTP
  A proxy and the API must read the same requests in the same bytes. Where they do not, one client sends a vote in the name of another.

  @cp_b21
  Rule: B21 The API keeps to HTTP

    Scenario Outline: <request> is refused
      When a client sends a vote with <request>
      Then the response is <status> and the stream is unchanged
      And it is an error like any other, with a date, and the connection is closed

      Examples: RFC 9112, HTTP/1.1
        | request                                | status |
        | no Host                                | 400    |
        | two Hosts                              | 400    |
        | a Host with a space                    | 400    |
        | white space before a colon             | 400    |
        | a folded line                          | 400    |
        | a bare CR in a header                  | 400    |
        | NUL in a header                        | 400    |
        | two lengths                            | 400    |
        | a length and chunks                    | 400    |
        | a negative length                      | 400    |
        | chunks in HTTP/1.0                     | 400    |
        | chunked twice                          | 400    |
        | a broken chunk                         | 400    |
        | an unknown transfer coding             | 501    |
        | version 2.0                            | 505    |
        | version 0.9                            | 505    |
        | an unknown method                      | 501    |

      Examples: RFC 9110 and 6585, limits and expectations
        | request                                | status |
        | a target of 20000 bytes                | 414    |
        | a header of 1 MB                       | 431    |
        | 10000 headers                          | 431    |
        | an unknown expectation                 | 417    |

    Scenario: A compressed body is refused, and the response says what is accepted
      When a client sends a vote with a content coding
      Then the response is 415 and the stream is unchanged
      And it lists the content codings that are accepted

    Scenario Outline: <request> is served
      When a client sends a vote with <request>
      Then the response is 201 and the stream holds its vote

      Examples:
        | request                    |
        | HTTP/1.0 and no Host       |
        | an absolute target         |
        | an upgrade to ignore       |
        | a trailer                  |
        | ninety headers             |

    Scenario: A refused request never answers the one before it
      When a client sends a vote and a malformed request in one piece
      Then the first response accepts the vote, and the second refuses the request

    Scenario: A connection ends with the response that says so
      When a client announces a body of one byte over 1 MiB and sends none of it
      Then the response refuses it, and the connection ends within 3 seconds

    Scenario: A proxy may use a connection that was idle for longer than five seconds
      Given 20 connections, each idle for 6 seconds after a response
      When a vote is sent on each of them
      Then each vote is accepted
