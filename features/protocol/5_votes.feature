@phase_5
Feature: Votes are taken over HTTP
  201 is a promise: this vote will be counted, once. Everything else is not a vote.

  @cp_5_1 @at_cluster
  Rule: 5.1 A valid vote is accepted, written to the stream as the contract says, and counted once per key

    Scenario Outline: A vote for <option> becomes one stream entry
      When a voter votes for "<option>"
      Then the vote is accepted
      And the stream holds exactly that vote

      Examples:
        | option |
        | cats   |
        | dogs   |

    Scenario Outline: <what> is not a vote
      When a client posts <body> to /api/vote
      Then it is answered 422, and the stream is unchanged

      Examples:
        | what                    | body                                 |
        | An unknown option       | {"option": "birds"}                  |
        | An option in capitals   | {"option": "Cats"}                   |
        | An option with a space  | {"option": "cats "}                  |
        | A number                | {"option": 1}                        |
        | Null                    | {"option": null}                     |
        | A list                  | {"option": ["cats"]}                 |
        | NaN                     | {"option": NaN}                      |
        | A missing key           | {}                                   |
        | An extra key            | {"option": "cats", "weight": 2}      |
        | A key given twice       | {"option": "cats", "option": "dogs"} |
        | A lone surrogate        | {"option": "\ud800"}                 |
        | A bare word             | cats                                 |
        | A broken object         | {"option": "cats"                    |
        | A list of votes         | [{"option": "cats"}]                 |
        | Nothing                 | an empty body                        |
        | UTF-16                  | a vote in UTF-16                     |
        | A byte order mark       | a vote behind a byte order mark      |
        | Latin-1                 | a vote in Latin-1                    |

    Scenario: The same key and option is the same vote
      When a voter votes for "cats" twice with the same key
      Then both are accepted with the same stream id and vote id
      And the stream holds exactly that vote

    Scenario: The same key with another option is refused
      When a voter votes for "cats" and then for "dogs" with the same key
      Then the second is answered 422, and the stream holds only the first

    Scenario Outline: <what> is a malformed key
      When a client votes with <key> as its key
      Then it is answered 400, and the stream is unchanged

      Examples:
        | what              | key                  |
        | Nothing           | an empty text        |
        | 256 characters    | 256 letters          |
        | A space inside    | a b                  |
        | Beyond ASCII      | the letter é         |

  @cp_5_2
  Rule: 5.2 Results have the counts, percentages, order, timestamp and cache header that were published

    Scenario Outline: Counts <cats> and <dogs>
      Given a database that has counted <cats> for cats and <dogs> for dogs
      When a client reads the results
      Then they show <cats> and <dogs> with <percent cats> and <percent dogs> percent, in the order of the options

      Examples:
        | cats | dogs    | percent cats | percent dogs |
        | 0    | 0       | 0            | 0            |
        | 1    | 2       | 33.33        | 66.67        |
        | 1    | 6       | 14.29        | 85.71        |
        | 1    | 9999999 | 0            | 100          |

    Scenario: Three equal options still make 100
      Given a database that has counted 1 for each of three options
      When a client reads the results
      Then the percentages sum to exactly 100 and none is more than 0.01 away from its share

    Scenario: The answer may be kept for two seconds and says how fresh it is
      When a client reads the results of the voters' API
      Then they may be kept for 2 seconds, and were read in the last 5

    Scenario: Nobody is given results that are older
      When a client reads the results of the voters' API
      Then they are read anew once their 2 seconds are over

  @cp_5_3 @at_cluster
  Rule: 5.3 A preflight tells an allowed origin what it may do, and a foreign one nothing

    Scenario: An allowed origin
      When a browser at https://vote.example asks whether it may vote
      Then it may, with the published methods and headers, for 600 seconds

    Scenario Outline: <origin> is foreign
      When a browser at <origin> asks whether it may vote
      Then it is told nothing

      Examples:
        | origin                            |
        | https://evil.example              |
        | http://vote.example               |
        | https://vote.example.evil.example |
        | null                              |

    Scenario: A foreign origin reads no answer either
      When a page at https://evil.example reads the results
      Then the answer allows no origin

  @cp_5_4 @at_cluster
  Rule: 5.4 A body of 1 MiB passes on, one more byte is refused, whatever its length claims to be

    Scenario Outline: Exactly 1 MiB, <how>
      When a client posts a vote padded to 1048576 bytes, <how>
      Then the padded vote is accepted

      Examples:
        | how       |
        | announced |
        | chunked   |

    Scenario Outline: One byte more, <how>
      When a client posts a vote padded to 1048577 bytes, <how>
      Then it is answered 413, and the stream is unchanged
      And no more of it is listened to

      Examples:
        | how       |
        | announced |
        | chunked   |

    Scenario: A length that lies
      When a client announces 10 bytes and sends 1048577 in chunks
      Then it is refused, and the stream is unchanged

  @cp_5_5 @reconstructed
  Rule: 5.5 Without Redis a vote is refused in time, and voting works again by itself

    Scenario Outline: Redis <state>
      Given Redis is <state>
      When a voter votes for "cats" with a key of their own
      Then it is answered 503 within 2 seconds, with Retry-After
      When Redis is back
      Then the same vote with the same key is accepted and stands in the stream once

      Examples:
        | state   |
        | stopped |
        | frozen  |
