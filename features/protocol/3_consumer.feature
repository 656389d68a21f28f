@phase_3
Feature: The consumer starts, obeys its variables, keeps trying and stops in order
  A consumer that gives up, or that reads another stream than it was told, loses votes without a sound.

  @cp_3_1
  Rule: 3.1 It says in order what it does, outlives what it depends on, and stops cleanly

    Scenario: Start-up events in order, one JSON object a line
      Given a new stream with 3 votes
      When a consumer is started on it
      Then its start-up events come in order
      And every line of its log is a JSON object

    Scenario Outline: Without <part> it keeps trying, stays alive and stops on SIGTERM
      Given a new stream with 1 votes
      When a consumer is started on it without <part>
      Then it has tried <tries> times, says <event> and stays alive
      And SIGTERM ends it in order with exit code 0 within 5 seconds

      Examples:
        | part         | tries | event                |
        | Redis        | 4     | redis_unavailable    |
        | the database | 2     | postgres_unavailable |

  @cp_3_2
  Rule: 3.2 Every module imports in the place it ships

    Scenario: In the source tree
      When every module of the system is imported in a fresh interpreter
      Then none fails

    @needs_image
    Scenario Outline: In the <part> image
      When every module of the system in the <part> image is imported in a container of it
      Then none fails

      Examples:
        | part     |
        | api      |
        | consumer |

  @cp_3_3
  Rule: 3.3 The consumer image runs confined

    Scenario: The user of the consumer image
      Given the consumer image
      Then it runs as UID 1000

    Scenario: No rights to gain in the consumer image
      Given the consumer image
      Then no file in it gives more rights to whoever runs it
      And UID 1000 may write nothing in it but temporary folders, nor may everybody

    Scenario: No left-overs and no secrets in the consumer image
      Given the consumer image
      Then nothing is left in it of its build
      And no secret is in its configuration or in any of its layers

    Scenario: A running consumer container
      Then a running consumer container has a read-only root and no capabilities

  @cp_3_4
  Rule: 3.4 Of all nine variables the default, an override and a bad value are observed

    Scenario: Defaults
      When the consumer's settings are read in an empty environment
      Then they are the published defaults

    Scenario: Overrides, as they go over the wire
      Given a new stream with 1 votes
      When a consumer is started on it with every variable overridden
      Then it reads that stream, as that group and consumer, with that batch size and block
      And it logs only warnings

    Scenario: MAX_RETRIES, as it shows in a vote that the database refuses
      Given a new stream with 1 votes
      And a database that refuses every vote
      When a consumer is started on it with MAX_RETRIES 2
      Then its vote is a dead letter after exactly 2 deliveries

    Scenario: Bad values
      When consumers are started, each with one bad value
        | variable       | bad                  |
        | REDIS_URL      | not-a-url:secret     |
        | DATABASE_URL   | mysql://u:secret@h/d |
        | STREAM_NAME    |                      |
        | CONSUMER_GROUP |                      |
        | CONSUMER_NAME  |                      |
        | BATCH_SIZE     | ten                  |
        | BLOCK_MS       | -1                   |
        | MAX_RETRIES    | 0                    |
        | LOG_LEVEL      | LOUD                 |
      Then each ends at once, and one line on its output names its variable and no secret

  @cp_3_5
  Rule: 3.5 The consumer image is small

    Scenario: Its size
      Given the consumer image
      Then its size is between 20 and 250 MB
