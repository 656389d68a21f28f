@phase_8
Feature: What is written is true
  A document that nobody checks drifts. Each of these is compared with the code, the registry or the command that it speaks of.

  @cp_8_1
  Rule: 8.1 Every phase has its record: what was decided, what was validated, with which result

    Scenario Outline: Phase <phase> has its record
      When the record of phase <phase> is read
      Then it links the decisions of the phase, and each of them is there
      And it names every checkpoint of phase <phase> once, with a verdict and a result
      And it says when and on what kind of machine the results were seen

      Examples:
        | phase |
        | 1     |
        | 2     |
        | 3     |
        | 4     |
        | 5     |
        | 6     |
        | 7     |
        | 8     |

  @cp_8_2
  Rule: 8.2 Status and versions in the README equal the code's, and each command runs

    Scenario: The README tells the version and the day of the release
      When the README is compared with the code
      Then its versions are those of the package and of the system
      And its status is the head of the changelog

    Scenario Outline: Each command of <document> runs
      When the commands of <document> are read
      Then each of them would run

      Examples:
        | document        |
        | README.md       |
        | CONTRIBUTING.md |

  @cp_8_3
  Rule: 8.3 Roadmap and changelog are there and current

    Scenario: The released version heads the changelog
      When the changelog is read
      Then its head is the version of the package, with a day that has come
      And every release below is older, and says what changed

    Scenario: The roadmap holds what is still to come
      When the roadmap is read
      Then it has something to come
      And nothing in it is listed as done by the changelog

  @cp_8_4
  Rule: 8.4 The protocol document equals the registry, and every checkpoint has its scenario

    Scenario: The protocol document is the registry
      When the protocol document is compared with the registry
      Then each line of the protocol document is the registry's

    Scenario: The document of the variables is the code's
      When the document of the variables is compared with the settings
      Then each line of the document of the variables is the code's

    Scenario: The protocol has 32 checkpoints
      When the checkpoints of each phase are counted
      Then there are 3, 5, 5, 5, 5, 4, 1 and 4

    Scenario: Every checkpoint has a scenario and every scenario a checkpoint
      When every feature file is read
      Then every checkpoint of the registry has a scenario
      And every scenario belongs to one checkpoint that the registry knows
      And no two scenarios of a feature share a name
