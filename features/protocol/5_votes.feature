@phase_5
Feature: Votes are accepted over HTTP
  201 is a promise: this vote will be counted exactly once. No other response makes that promise.

  @cp_5_1 @at_cluster
  Rule: 5.1 A valid vote becomes one stream entry

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
      Then the response is 422 and the stream is unchanged

      Examples:
        | what                    | body                                 |
        | An unknown option       | {"option": "birds"}                  |
        | A capitalized option    | {"option": "Cats"}                   |
        | An option and a space   | {"option": "cats "}                  |
        | A number                | {"option": 1}                        |
        | Null                    | {"option": null}                     |
        | A list                  | {"option": ["cats"]}                 |
        | NaN                     | {"option": NaN}                      |
        | A missing key           | {}                                   |
        | An extra key            | {"option": "cats", "weight": 2}      |
        | A duplicate key         | {"option": "cats", "option": "dogs"} |
        | A lone surrogate        | {"option": "\ud800"}                 |
        | Not JSON                | cats                                 |
        | Truncated JSON          | {"option": "cats"                    |
        | A list of votes         | [{"option": "cats"}]                 |
        | An empty body           | an empty body                        |
        | UTF-16                  | a vote in UTF-16                     |
        | A byte order mark       | a vote after a byte order mark       |
        | Latin-1                 | a vote in Latin-1                    |

    Scenario: The same option with the same key is the same vote
      When a voter votes for "cats" twice with the same key
      Then both responses are 201 with the same stream id and vote id
      And the stream holds exactly that vote

    Scenario: Another option with the same key is rejected
      When a voter votes for "cats" and then for "dogs" with the same key
      Then the second response is 422, and the stream holds only the first vote

    Scenario Outline: <what> is not a valid key
      When a client votes with the key <key>
      Then the response is 400 and the stream is unchanged

      Examples:
        | what                      | key              |
        | An empty key              | (empty)          |
        | A key of 256 characters   | (256 characters) |
        | A key with a space        | a b              |
        | A key that is not ASCII   | é                |
        | A second key              | (two keys)       |

    Scenario: The longest key that is valid
      When a voter votes for "cats" with a key of 255 characters, which has every visible ASCII character
      Then the vote is accepted
      And the stream holds exactly that vote

  @cp_5_2
  Rule: 5.2 Results show the counted votes

    Scenario Outline: Counts of <cats> for cats and <dogs> for dogs
      Given a database with <cats> votes for cats and <dogs> for dogs
      When a client reads the results
      Then the results are <cats> (<percent cats> %) and <dogs> (<percent dogs> %), in the order of the options

      Examples:
        | cats | dogs    | percent cats | percent dogs |
        | 0    | 0       | 0            | 0            |
        | 1    | 2       | 33.33        | 66.67        |
        | 1    | 6       | 14.29        | 85.71        |
        | 1    | 9999999 | 0            | 100          |

    Scenario: Votes for an option that is not offered any more
      Given a database with 1 vote for cats, 2 for dogs and 7 for an option that is not offered any more
      When a client reads the results
      Then the results are 1 (33.33 %) and 2 (66.67 %), in the order of the options

    Scenario: Three equal options add up to 100 %
      Given a database with 1 vote for each of three options
      When a client reads the results
      Then the percentages add up to exactly 100, each within 0.01 of its share

    Scenario: Results may be cached for two seconds and state their age
      When a client reads the voters' results
      Then the results may be cached for 2 seconds and are at most 5 seconds old

    Scenario: Results are refreshed after two seconds
      Given a database with 1 votes for cats and 2 for dogs
      When a client reads the results
      And the database then counts 3 for cats and 2 for dogs
      Then the results show that once 2 seconds have passed, and when they were read

    Scenario: A client that has the counts is not sent them again
      Given a database with 1 votes for cats and 1 for dogs
      When a client reads the results
      Then a client that sends their ETag gets 304 and no body, until the counts change
      And an API with the same counts for other options does not answer that ETag with 304

    Scenario: The same counts have the same tag and event id at every API
      Given a database with 1 votes for cats and 1 for dogs
      When a client reads the results
      Then another API with these options answers their ETag with 304
      And a page that connects again, to the other API, gets no event until the counts change

    Scenario: A slow database makes no results older
      Given an API whose database counts the milliseconds of its clock, and answers late
      When a client reads the results without a pause for 9 seconds
      Then some requests waited for the database, and no results were older than two seconds

    Scenario: Without the database old results are never told as new
      Given an API whose live results a client follows
      Given the database is stopped
      Then the results are 503 within 4 seconds, and none told meanwhile is older than that
      And the live results say within 6 seconds that they are unavailable
      When the database is back
      Then results and live results are told again, and were read after the outage

  @cp_5_3 @at_cluster
  Rule: 5.3 Only allowed origins may vote from a browser

    Scenario: An allowed origin
      When a browser at https://vote.example asks whether it may vote
      Then the preflight allows the published methods and headers for 600 seconds

    Scenario Outline: The origin <origin> is not allowed
      When a browser at <origin> asks whether it may vote
      Then the preflight allows nothing

      Examples:
        | origin                            |
        | https://evil.example              |
        | http://vote.example               |
        | https://vote.example.evil.example |
        | null                              |

    Scenario: A page of an allowed origin can read the results
      When a page at https://vote.example reads the results
      Then the response allows https://vote.example

    Scenario Outline: A page of another origin cannot vote without asking, as <content type>
      When a page at https://evil.example posts a vote as <content type>
      Then the response is 415 and the stream is unchanged

      Examples:
        | content type                      |
        | text/plain                        |
        | application/x-www-form-urlencoded |
        | multipart/form-data; boundary=x   |
        | text/plain; application/json      |
        | text/plain; charset=application/json                     |
        | application/x-www-form-urlencoded; type=application/json |
        | multipart/form-data; boundary=application/json           |
        | (none)                            |

    Scenario: A page of another origin cannot read the results
      When a page at https://evil.example reads the results
      Then the response allows no origin

  @cp_5_4 @at_cluster
  Rule: 5.4 Bodies over 1 MiB are rejected

    Scenario Outline: Exactly 1 MiB, <how>
      When a client posts a vote padded to 1048576 bytes, <how>
      Then the padded vote is accepted

      Examples:
        | how       |
        | announced |
        | chunked   |

    Scenario Outline: One byte over 1 MiB, <how>
      When a client posts a vote padded to 1048577 bytes, <how>
      Then the response is 413 and the stream is unchanged
      And the API closes the connection

      Examples:
        | how       |
        | announced |
        | chunked   |

    Scenario: A false Content-Length
      When a client announces 10 bytes and sends 1048577 in chunks
      Then the request is rejected and the stream is unchanged

  @cp_5_5 @reconstructed
  Rule: 5.5 Voting recovers after a Redis outage

    Scenario Outline: Redis <state>
      Given Redis is <state>
      When a voter votes for "cats" during the outage
      Then the response is 503 within 2 seconds, with Retry-After
      When Redis is back
      Then the same vote with the same key is accepted, and is in the stream once

      Examples:
        | state   |
        | stopped |
        | frozen  |
