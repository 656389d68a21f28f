@phase_1
Feature: Before anything starts, the release is whole
  What a file names is there, what was built was built from this source, and no two layers tell different stories.

  @cp_1_1
  Rule: 1.1 Both images are there, were built from this source, and are neither empty nor swollen

    Scenario Outline: The <part> image is current
      Given the <part> image
      Then it was built from this source
      And its labels say that it is voting-<part>, in the released version and of which revision
      And its size is between <low> and <high> MB

      Examples:
        | part     | low | high |
        | api      | 20  | 200  |
        | consumer | 20  | 250  |

  @cp_1_2
  Rule: 1.2 Every module and file that an image, the chart or an entry point names is there, and imports

    Scenario: Every module imports
      When every module of the system is imported by a fresh interpreter
      Then none of them fails

    Scenario Outline: What <files> runs is there
      When the modules that <files> runs are looked up
      Then it runs at least one, and each of them is there

      Examples:
        | files                             |
        | system/images/api.Dockerfile      |
        | system/images/consumer.Dockerfile |
        | chart/templates/*.yaml            |
        | docs/**/*.md                      |
        | Makefile                          |

    Scenario: The installed commands import
      When the commands that the package installs are looked up
      Then there is at least one, and each of them imports

    Scenario: What the images copy is there
      When the files that an image copies are looked up
      Then at least 2 are named, and each of them is there

    Scenario: What the chart takes in is there
      When the files that the chart takes in are looked up
      Then at least 1 are named, and each of them is there

  @cp_1_3 @reconstructed
  Rule: 1.3 A fact that several layers state is the same in each of them

    Scenario Outline: All agree on the <fact>
      When every place that states the <fact> is read
      Then all places of the <fact> say the same

      Examples:
        | fact                       |
        | release version            |
        | consumer version           |
        | API image                  |
        | consumer image             |
        | API user                   |
        | consumer user              |
        | size of the API image      |
        | size of the consumer image |
        | Python of the images       |
        | oldest Python              |
        | oldest Kubernetes          |
        | Redis image                |
        | Redis user                 |
        | PostgreSQL image           |
        | PostgreSQL user            |
        | API port                   |
        | vote options               |
        | name of an option          |
        | stream name                |
        | consumer group             |
        | longest name of the stream |
        | longest name of the group  |
        | entry fields               |
        | stream of dead letters     |
        | fields of dead letters     |
        | nine variables             |
        | batch size                 |
        | block time                 |
        | retries                    |
        | log level                  |
        | memory of a key            |
        | most votes in a batch      |
        | longest block time         |
        | most retries               |
        | longest memory of a key    |
        | probe paths                |
        | liveness of the consumer   |
        | body limit                 |
        | age of the results         |
        | security headers           |
        | headers from other origins |
        | methods from other origins |
        | memory of a preflight      |
        | header of the key          |
        | tables                     |
        | functions                  |
        | journal of Redis           |
        | sync of Redis              |
        | eviction of Redis          |
        | memory of Redis            |

    Scenario: No fact of the table is left out
      Given the table of facts
      Then each of its facts is an example of «All agree on the <fact>», and no other
