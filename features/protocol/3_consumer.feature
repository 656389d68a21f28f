@phase_3
Feature: The consumer starts, obeys its variables, retries and stops cleanly
  A consumer that gives up, or that reads the wrong stream, loses votes silently.

  @cp_3_1
  Rule: 3.1 The consumer retries without its dependencies and stops cleanly

    Scenario: Startup events in order, one JSON object per line
      Given a new stream with 3 votes
      When a consumer is started on it
      Then its startup events are in order
      And every line of its log is a JSON object
      And its log has consumer_starting, messages_received, processing_vote and vote_processed as documented

    Scenario Outline: Without <part> the consumer retries, stays alive and stops on SIGTERM
      Given a new stream with 1 vote
      When a consumer is started on it without <part>
      Then it has made <tries> attempts, logs <event> and stays alive
      And it shuts down on SIGTERM with exit code 0 within 5 seconds
      And its log has <event> and shutdown_signal_received as documented
      And no line of its log has a password

      Examples:
        | part         | tries | event                |
        | Redis        | 4     | redis_unavailable    |
        | the database | 2     | postgres_unavailable |

    Scenario: SIGTERM during the start of the first process of a container
      When a consumer gets SIGTERM as the first process, after 0.15, 0.3, 0.5 s of processor time
      Then each time it exits with code 0 within 5 seconds

  @cp_3_2
  Rule: 3.2 Every module imports where it ships

    Scenario: In the source tree
      When every module of the system is imported in a fresh interpreter
      Then no import fails

    @needs_image
    Scenario Outline: In the <part> image
      When every module of the system in the <part> image is imported in a container of that image
      Then no import fails

      Examples:
        | part     |
        | api      |
        | consumer |

  @cp_3_3
  Rule: 3.3 The consumer image runs without privileges

    Scenario: The user of the consumer image
      Given the consumer image
      Then it runs as UID 1000

    Scenario: No privileges to gain in the consumer image
      Given the consumer image
      Then no file in it grants more privileges to its caller
      And UID 1000 can write only to temporary folders
      And any user can read its program

    Scenario: No build leftovers and no secrets in the consumer image
      Given the consumer image
      Then it contains no build leftovers
      And neither its configuration nor any of its layers contains a secret

    Scenario: A running consumer container
      Then a running consumer container has a read-only root and no capabilities

  @cp_3_4
  Rule: 3.4 All nine variables take effect

    Scenario: Defaults
      When the consumer's settings are read in an empty environment
      Then they are the published defaults

    Scenario: Overrides, as Redis receives them
      Given a new stream with 1 vote
      When a consumer is started on it with every variable overridden
      Then it reads that stream with that group, consumer name, batch size and block time
      And it listens on no port
      And it logs nothing below WARNING

    Scenario: MAX_RETRIES limits the deliveries of a vote that the database rejects
      Given a new stream with 1 vote
      And a database that rejects every vote
      When a consumer is started on it with MAX_RETRIES 2
      Then its vote is in the dead-letter stream after exactly 2 deliveries

    Scenario: Invalid values
      When consumers are started, each with one invalid value
        | variable       | invalid              |
        | REDIS_URL      | not-a-url:secret     |
        | DATABASE_URL   | mysql://u:secret@h/d |
        | STREAM_NAME    |                      |
        | CONSUMER_GROUP |                      |
        | CONSUMER_NAME  |                      |
        | BATCH_SIZE     | ten                  |
        | BLOCK_MS       | -1                   |
        | MAX_RETRIES    | 0                    |
        | LOG_LEVEL      | LOUD                 |
      Then each exits within 20 seconds with one line of output that names its variable and no secret

    Scenario: URLs that cannot work
      When a consumer is started with each of these values
        | variable       | value                                                    |
        | REDIS_URL      | redis://:secret#1@127.0.0.1/0                            |
        | REDIS_URL      | redis://:secret@127.0.0.1/0?protocol=3                   |
        | REDIS_URL      | rediss://:secret@127.0.0.1/0?ssl_ca_certs=/missing       |
        | DATABASE_URL   | postgresql://u:secret@127.0.0.1/votes?lock_timeout=0     |
        | DATABASE_URL   | postgresql://u:secret@127.0.0.1/votes?target_session_attrs=standby |
        | HEARTBEAT_FILE | /                                                        |
        | METRICS_PORT   | (taken)                                                  |
        | CLAIM_IDLE_MS  | 99                                                       |
        | METRICS_PORT   | 70000                                                    |
      Then each time it exits with code 2 and one line that names the variable and no secret

  @cp_3_5
  Rule: 3.5 The consumer image is at most 250 MB

    Scenario: The size of the consumer image
      Given the consumer image
      Then its size is between 20 and 250 MB
