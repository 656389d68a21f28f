@phase_2
Feature: The API reports its true state and protects itself
  Kubernetes restarts what is not alive and routes no voter to what is not ready. Both answers must be true.

  @cp_2_1
  Rule: 2.1 The API starts with or without its dependencies

    Scenario: The API starts, logs its start and is ready
      When an API is started
      Then it is ready within 5 seconds
      And its log reports the start, one JSON object per line
      And its OpenAPI description lists every operation
      And SIGTERM ends it with exit code 0 within 5 seconds

    Scenario Outline: Without <part> the API starts, is alive and is not ready
      When an API is started without <part>
      Then it is alive but not ready, and names <part>

      Examples:
        | part         |
        | Redis        |
        | the database |

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

  @cp_2_3
  Rule: 2.3 Every response carries the security headers

    Scenario Outline: The security headers of <class>
      When a client provokes <class>
      Then the response has status <status> and the security headers

      Examples:
        | class                        | status |
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

    Scenario: In production HSTS is on and the documentation pages are off
      When an API is started for production
      Then it sends HSTS, and /docs and /openapi.json are 404

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
