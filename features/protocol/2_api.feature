@phase_2
Feature: The API is alive, honest and guarded
  An orchestrator restarts what is not alive and sends no voter to what is not ready; both answers must be true.

  @cp_2_1
  Rule: 2.1 The API starts, with or without its dependencies

    Scenario: It starts, says so and is ready
      When an API is started
      Then it is ready within 5 seconds
      And its log says that it started, one JSON object a line
      And its description names what there is to ask for
      And SIGTERM ends it with exit code 0 within 5 seconds

    Scenario Outline: Without <part> it starts, is alive and is not ready
      When an API is started without <part>
      Then it is alive and not ready, and names <part>

      Examples:
        | part         |
        | Redis        |
        | the database |

  @cp_2_2
  Rule: 2.2 /health and /ready answer GET and HEAD, and tell the truth

    Scenario Outline: <method> <path>
      When a client sends <method> to <path>
      Then the answer is 200 with <body>

      Examples:
        | method | path    | body                                                          |
        | GET    | /health | {"status":"healthy"}                                          |
        | HEAD   | /health | nothing                                                       |
        | GET    | /ready  | {"status":"ready","redis":"connected","database":"connected"} |
        | HEAD   | /ready  | nothing                                                       |

    Scenario Outline: /ready names <part> when it is <state>, and heals
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
  Rule: 2.3 Every class of answer carries the security headers

    Scenario Outline: <class>
      When a client provokes <class>
      Then the answer has status <status> and the security headers

      Examples:
        | class                        | status |
        | results                      | 200    |
        | a HEAD of /health            | 200    |
        | an accepted vote             | 201    |
        | a page that is not there     | 404    |
        | a wrong method               | 405    |
        | a body announced too large   | 413    |
        | a chunked body too large     | 413    |
        | a wrong option               | 422    |
        | a preflight                  | 200    |
        | a fault of its own           | 500    |
        | a vote while Redis is away   | 503    |

    Scenario: In production HSTS is on and the documentation pages are off
      When an API is started for production
      Then it sends HSTS, and /docs and /openapi.json are 404

  @cp_2_4
  Rule: 2.4 The API image runs confined

    Scenario: The user of the api image
      Given the api image
      Then it runs as UID 65532

    Scenario: No shell in the api image
      Given the api image
      Then it has no shell and no package manager

    Scenario: No rights to gain in the api image
      Given the api image
      Then no file in it gives more rights to whoever runs it
      And UID 65532 may write nothing in it but temporary folders, nor may everybody

    Scenario: No left-overs and no secrets in the api image
      Given the api image
      Then nothing is left in it of its build
      And no secret is in its configuration or in any of its layers

    Scenario: A running api container
      Then a running api container has a read-only root and no capabilities, and no shell

  @cp_2_5
  Rule: 2.5 The API image is small

    Scenario: Its size
      Given the api image
      Then its size is between 20 and 200 MB
