@phase_2
Feature: The API reports its true state and protects itself
  Kubernetes restarts what is not alive and routes no voter to what is not ready. Both answers must be true.

  @cp_2_1
  Rule: 2.1 The API starts with or without its dependencies

    Scenario: The API starts, logs its start and is ready
      When an API is started
      Then it is ready within 5 seconds
      And its log reports the start, one JSON object per line
      And its OpenAPI description lists every operation, and each with every status
      And SIGTERM ends it with exit code 0 within 5 seconds

    Scenario: SIGTERM during the start of the first process of a container
      When an API gets SIGTERM as the first process, after 0.15, 0.3, 0.5 s of processor time
      Then each time it exits with code 0 within 5 seconds

    Scenario Outline: SIGTERM in the middle of requests, with <workers> workers
      When an API with <workers> workers gets SIGTERM in the middle of
        | client                      | response |
        | half a header               | none     |
        | half a body                 | 408      |
        | live results                | 200      |
        | a client that does not read | unread   |
      Then it exits with code 0 within 5 seconds, and logs that it stopped
      And each client has its response, or the end of its connection

      Examples:
        | workers |
        | 1       |
        | 2       |

    Scenario: SIGTERM while Redis and the database are frozen
      When an API with 1 worker gets SIGTERM in the middle of
        | client                       | response |
        | a vote for a frozen Redis    | 503      |
        | results of a frozen database | 503      |
      Then it exits with code 0 within 5 seconds, and logs that it stopped
      And each client has its response, or the end of its connection

    Scenario: SIGTERM while idle, with connections to servers that are frozen
      When an API that is connected to Redis and the database gets SIGTERM after both froze
      Then it exits with code 0 within 5 seconds, and logs that it stopped

    Scenario: URLs and addresses that cannot work
      When an API is started with each of these values
        | variable        | value                                                  |
        | REDIS_URL       | redis://:secret#1@127.0.0.1/0                          |
        | REDIS_URL       | redis://:secret@127.0.0.1/0?decode_responses=true      |
        | REDIS_URL       | redis://:secret@127.0.0.1,127.0.0.2/0                  |
        | DATABASE_URL    | postgresql://u:secret#1@127.0.0.1/votes                |
        | DATABASE_URL    | postgresql://u:secret@127.0.0.1/votes?options=-cfoo%3D |
        | API_HOST        | vote..example                                          |
        | TRUSTED_PROXIES | *                                                      |
        | API_PORT        | (taken)                                                |
      Then each time it exits with code 2 and one line that names the variable and no secret

    Scenario Outline: Without <part> the API starts, is alive and is not ready
      When an API is started without <part>
      Then it is alive but not ready, and names <part>
      And it answers 503 for want of <part>, and no line of its log has a password

      Examples:
        | part         |
        | Redis        |
        | the database |

    Scenario Outline: The API goes on although <state>
      When an API is started without the database, and <state>
      Then it accepts votes, answers 503 about results, and SIGTERM ends it with exit code 0

      Examples:
        | state                       |
        | the disk of its log is full |
        | nobody reads its log        |

  @cp_2_2
  Rule: 2.2 Health and readiness report the true state

    Scenario Outline: <method> <path>
      When a client sends <method> to <path>
      Then the response is 200 with <body>

      Examples:
        | method | path    | body                                                          |
        | GET    | /health | {"status":"healthy"}                                          |
        | HEAD   | /health | no body                                                       |
        | GET    | /ready  | {"status":"ready","redis":"connected","database":"connected"} |
        | HEAD   | /ready  | no body                                                       |

    Scenario Outline: /ready names <part> while it is <state>, and recovers
      Given <part> is <state>
      Then /ready is 503 within 2 seconds and names <part>
      And /health is still 200
      When <part> is back
      Then /ready is 200 again

      Examples:
        | part         | state   |
        | Redis        | stopped |
        | Redis        | frozen  |
        | the database | stopped |
        | the database | frozen  |

    Scenario: /ready is in time while Redis and the database are frozen at once
      Given Redis is frozen
      And the database is frozen
      Then /ready is 503 within 2 seconds and names both
      When Redis is back
      And the database is back
      Then /ready is 200 again

    Scenario Outline: /ready names <part> while it is read-only, and recovers
      Given <part> takes no writes
      Then /ready is 503 within 2 seconds and names <part>
      And /health is still 200
      When <part> takes writes again
      Then /ready is 200 again

      Examples:
        | part         |
        | Redis        |
        | the database |

    Scenario: /ready names Redis as soon as it is full
      When a client sends GET to /ready
      Then the response is 200 with {"status":"ready","redis":"connected","database":"connected"}
      When Redis is full
      Then /ready is 503 within 2 seconds and names Redis
      And /health is still 200
      When Redis has room again
      Then /ready is 200 again

    Scenario: /ready names the key of the stream while it holds a value of another type, and needs no schema
      Given an API with a Redis and a database of its own, both empty
      Then it is ready, because votes are accepted and wait for the schema
      When its key votes holds a value of another type
      Then it refuses votes and is not ready, and names votes
      When that value is moved away
      Then it is ready, because votes are accepted and wait for the schema

  @cp_2_3
  Rule: 2.3 Each kind of response carries the security headers

    Scenario Outline: The security headers of <class>
      When a client provokes <class>
      Then the response has status <status> and the security headers

      Examples:
        | class                           | status |
        | the voting page                 | 200    |
        | the script of the voting page   | 200    |
        | the metrics                     | 200    |
        | a malformed key                 | 400    |
        | malformed HTTP                  | 400    |
        | a content type that is not JSON | 415    |
        | too many requests               | 429    |
        | results                      | 200    |
        | a HEAD request for /health   | 200    |
        | an accepted vote             | 201    |
        | an unknown path              | 404    |
        | a wrong method               | 405    |
        | an announced large body      | 413    |
        | a chunked large body         | 413    |
        | an unknown option            | 422    |
        | a preflight                  | 200    |
        | an internal error            | 500    |
        | a vote without Redis         | 503    |
        | the style sheet of the page  | 200    |
        | the icon of the voting page  | 200    |
        | a HEAD request for the page  | 200    |
        | live results                 | 200    |
        | unchanged results            | 304    |
        | a form of another site       | 403    |
        | half a body                  | 408    |
        | a target of 20000 bytes      | 414    |
        | an unknown expectation       | 417    |
        | 10000 headers                | 431    |
        | an unknown method            | 501    |
        | another version of HTTP      | 505    |

    Scenario: In production HSTS is on and the documentation pages are off
      When an API is started for production
      Then it sends HSTS with each response, and /docs and /openapi.json are 404

  @cp_2_4
  Rule: 2.4 The API image runs without privileges

    Scenario: The user of the api image
      Given the api image
      Then it runs as UID 65532

    Scenario: No shell in the api image
      Given the api image
      Then it has no shell and no package manager

    Scenario: No privileges to gain in the api image
      Given the api image
      Then no file in it grants more privileges to its caller
      And UID 65532 can write only to temporary folders
      And any user can read its program

    Scenario: No build leftovers and no secrets in the api image
      Given the api image
      Then it contains no build leftovers
      And neither its configuration nor any of its layers contains a secret

    Scenario: A running api container
      Then a running api container has a read-only root and no capabilities, and no shell

  @cp_2_5
  Rule: 2.5 The API image is at most 200 MB

    Scenario: The size of the api image
      Given the api image
      Then its size is between 20 and 200 MB
