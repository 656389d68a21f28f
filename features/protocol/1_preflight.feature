@phase_1
Feature: The release is complete before anything starts
  Every reference resolves, every image was built from this source, and no two layers contradict each other.

  @cp_1_1
  Rule: 1.1 Images are built from this source

    Scenario Outline: The <part> image is current
      Given the <part> image
      Then it was built from this source
      And its modules are those of this source
      And its labels name voting-<part>, the released version and a revision
      And its size is between <low> and <high> MB

      Examples:
        | part     | low | high |
        | api      | 20  | 200  |
        | consumer | 20  | 250  |

  @cp_1_2
  Rule: 1.2 Every referenced module and file exists

    Scenario: Every module imports
      When every module of the system is imported by a fresh interpreter
      Then every import succeeds

    Scenario Outline: Every module that <files> runs exists
      When the modules that <files> runs are looked up
      Then there is at least one, and each of them exists

      Examples:
        | files                             |
        | system/images/api.Dockerfile      |
        | system/images/consumer.Dockerfile |
        | chart/templates/*.yaml            |
        | docs/**/*.md                      |
        | Makefile                          |
        | CONTRIBUTING.md                   |
        | compose.yaml                      |
        | tox.ini                           |

    Scenario: Every installed command imports
      When the commands that the package installs are looked up
      Then there is at least one, and each of them imports

    Scenario: Every file that an image copies exists
      When the files that an image copies are looked up
      Then the list has at least 2 files, and each of them exists

    Scenario Outline: Every library that the <part> image imports is installed in it
      When the libraries that the <part> image imports are looked up
      Then there is at least one, and <part>-requirements.txt pins each of them

      Examples:
        | part     |
        | api      |
        | consumer |

    Scenario: Every file that the chart includes exists
      When the files that the chart includes are looked up
      Then the list has at least 1 file, and each of them exists

  @cp_1_3 @reconstructed
  Rule: 1.3 Versions, ports, names and limits match across layers

    Scenario Outline: The <fact> matches everywhere
      When every place that states the <fact> is read
      Then all of them state the same <fact>

      Examples:
        | fact                              |
        | release version                   |
        | consumer version                  |
        | API image                         |
        | consumer image                    |
        | API user                          |
        | consumer user                     |
        | size limit of the API image       |
        | size limit of the consumer image  |
        | Python version of the images      |
        | minimum Python version            |
        | minimum Kubernetes version        |
        | Redis image                       |
        | Redis user                        |
        | PostgreSQL image                  |
        | PostgreSQL user                   |
        | API port                          |
        | vote options                      |
        | pattern of an option              |
        | stream name                       |
        | consumer group                    |
        | length limit of the stream name   |
        | length limit of the group name    |
        | entry fields                      |
        | dead-letter stream                |
        | dead-letter fields                |
        | consumer variables                |
        | batch size                        |
        | block time                        |
        | retry limit                       |
        | log level                         |
        | lifetime of a key                 |
        | IPv6 prefix of the rate limit     |
        | connections of a pod to PostgreSQL |
        | connections of an API pod to Redis |
        | connections of a consumer pod to Redis |
        | keep-alive time                   |
        | maximum keep-alive time           |
        | durability check of Redis         |
        | maximum batch size                |
        | maximum block time                |
        | maximum retry limit               |
        | maximum lifetime of a key         |
        | probe paths                       |
        | liveness command of the consumer  |
        | body limit                        |
        | maximum age of the results        |
        | security headers                  |
        | CORS headers                      |
        | CORS methods                      |
        | lifetime of a preflight           |
        | header of the idempotency key     |
        | length limit of the idempotency key |
        | database tables                   |
        | database functions                |
        | appendonly setting of Redis       |
        | appendfsync setting of Redis      |
        | maxmemory-policy setting of Redis |
        | maxmemory setting of Redis        |

    Scenario: Every fact of the registry is an example
      Given the registry of facts
      Then its facts are the examples of "The <fact> matches everywhere"
