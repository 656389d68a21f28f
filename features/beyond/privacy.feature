@phase_0
Feature: Privacy
  A vote is secret if nobody can pair who voted with what for, and a response that goes to another voter tells a vote that was secret.

  @cp_b26
  Rule: B26 Only the voter gets the answer to a vote

    Scenario: Marked clients on every path
      Given a system of its own behind a trusted proxy, with a rate limit, which logs everything
      When marked clients of an allowed and of another origin take each of these paths
        | path                             | status |
        | an accepted vote                 | 201    |
        | a vote without a key             | 201    |
        | a repeated vote                  | 201    |
        | a key used for another option    | 422    |
        | a vote that becomes a dead letter | 201   |
        | a vote that the database refuses | 201    |
        | a client that is gone            | 0      |
        | a client that leaves within its body | 0  |
        | results                          | 200    |
        | results that the client has      | 304    |
        | the page                         | 200    |
        | a vote by the form of the page   | 201    |
        | a form sent by another site      | 403    |
        | a large form                     | 413    |
        | a form of another type           | 415    |
        | a form for an unknown option     | 422    |
        | a malformed key                  | 400    |
        | malformed HTTP                   | 400    |
        | an unknown path                  | 404    |
        | a wrong method                   | 405    |
        | a large body                     | 413    |
        | a body of another type           | 415    |
        | a compressed body                | 415    |
        | an unknown option                | 422    |
        | a field too many                 | 422    |
        | no JSON                          | 422    |
        | too many requests                | 429    |
        | a vote that Redis refuses        | 503    |
        | a vote without a key that Redis refuses | 503 |
        | a vote for a Redis that is full  | 503    |
        | a vote for a Redis that is read-only | 503 |
        | a vote without Redis             | 503    |
        | a vote for a broken stream       | 500    |
        | a vote without the database      | 201    |
        | results without the database     | 503    |
        | a receipt without the database   | 503    |
        | live results without the database | 503   |
      Then each takes its path, and its response carries nothing of the request but its option, its request id and the key of a form
      And no cache may keep a response that is for one client, and no response sets a cookie
      And a page of the allowed origin can read each response, and a page of the other origin none
      And every vote is counted or a dead letter, with the documented fields and no others
      And the log describes each request by the documented fields, and names no option, and at DEBUG each vote by its id alone
      And both logs have these events as documented
        | part     | events                                                                                 |
        | API      | api_starting api_started request request_failed redis_unavailable postgres_unavailable |
        | consumer | vote_received vote_counted vote_refused malformed_message_dead_lettered                |
      And the line about each client that left within its body has status 499
      And Redis holds only documented keys
      And no file that the system has written holds a trait of a client, except request ids in the log
      And nothing that others are told names a client or its vote
      And live results hold sums, and change at most once in two seconds
      And no metric shows when an option was first voted for
      And the page keeps nothing in the browser but its own vote, loads nothing from elsewhere and writes no HTML

    Scenario: Votes at the default log level
      Given a running consumer for the voters
      When 20 voters vote, one after another
      Then neither log names one of these votes
      When a voter sends the key of a vote again, for another option
      Then the line about this refusal names no vote

    Scenario Outline: Many clients at once, <limit> a rate limit
      Given a system of its own <limit> a rate limit, with many clients
      When 6 clients send 10 batches each in one piece, others disconnect, and Redis stalls and forgets its scripts
      Then each response is that of its own request: id, status, option and vote
      And a key leads to one vote and a vote to one key, then and when it is sent again
      And the log has one line for each request, with its own route and status

      Examples:
        | limit   |
        | with    |
        | without |

    Scenario Outline: Replies that come late, <limit> a rate limit
      Given a system of its own <limit> a rate limit, with many clients
      When Redis is frozen 2 times until each of 9 voters was refused and has sent the next vote
      Then some votes that were sent to the frozen Redis were refused, and some were accepted later
      And each response is that of its own request: id, status, option and vote
      And a key leads to one vote and a vote to one key, then and when it is sent again

      Examples:
        | limit   |
        | with    |
        | without |

    Scenario: A receipt tells what became of a vote, and the option only to the voter
      Given a system of its own, beside other applications, on clocks that can be set
      When a voter votes with a key while the consumer is frozen
      Then the receipt says accepted, and the option only to whoever sends the key
      And an id that no vote has is unknown, and a malformed id is refused
      And a malformed key is refused, and one that is sent twice
      And a vote that waits is unknown if it has no key, or its key is forgotten
      When the consumer goes on
      Then the receipt says counted and when, and the option only to whoever sends the key
      And many voters who ask at once cause few reads of the ledger
      And voters who ask while the ledger is being read are told what became of their own vote
      And one client who asks too often is refused for a time
      And voters who ask while the database answers nothing are each told so, and none because another gave up
      And without the database nothing is said about the vote, and afterwards the same as before

    Scenario: Readiness checks give up while votes are on their way
      Given a system of its own whose Redis answers late, with many clients
      When 6 clients vote and 4 ask whether it is ready, for 10 seconds
      Then readiness checks gave up while votes were accepted
      And each response is that of its own request: id, status, option and vote

    Scenario: The name under which Redis counts a client
      When one client asks APIs with the same URLs, with another REDIS_URL and with another DATABASE_URL
      Then the same URLs count it under one name, and each other URL under a name of its own
