@phase_8
Feature: The documents are true
  A document that nothing checks goes stale. Each of these is compared with the code, the registry or the command that it describes.

  @cp_8_1
  Rule: 8.1 Every phase has a record of decisions and results

    Scenario Outline: Phase <phase> has a record
      When the record of phase <phase> is read
      Then it links the decisions of the phase, and each link resolves
      And it lists every checkpoint of phase <phase> once, with a verdict and a result
      And it states when and on what kind of machine the results were measured

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
  Rule: 8.2 The README matches the code, and the documents' commands run

    Scenario: The README states the versions and the day of the release
      When the README is compared with the code
      Then its versions are those of the package and of the system
      And its status is the latest release of the changelog
      And its numbers of claims, mutants and seeded defects are those of the registries and of the latest draw

    Scenario: The project knows every command of the documents
      When the commands of every page are read
      Then the project knows each of them
      And each runs at some level, or the table of commands says why not and what shows the same
      And the pages whose commands run here are the examples of "The commands of <document> run"

    @needs_local
    Scenario Outline: The commands of <document> run
      When the commands of <document> run in a copy of the project, in order
      Then each ends as the page says

      Examples:
        | document                                  |
        | CONTRIBUTING.md                           |
        | docs/guides/add-a-checkpoint.md           |
        | docs/guides/read-a-report.md              |
        | docs/guides/run-the-system.md             |
        | docs/guides/seed-a-defect.md              |
        | docs/guides/use-in-ci.md                  |
        | docs/guides/validate-your-installation.md |
        | docs/guides/verify-a-pack.md              |
        | docs/guides/write-a-waiver.md             |
        | docs/reference/http-api.md                |
        | docs/reference/images.md                  |
        | docs/tutorial/first-defect.md             |
        | docs/tutorial/first-validation.md         |

    @needs_image
    Scenario Outline: The commands of <document> for containers run
      When the commands of <document> for containers run in a copy of the project
      Then each ends as the page says

      Examples:
        | document                       |
        | docs/guides/validate-images.md |

    @needs_cluster
    Scenario Outline: The commands of <document> for a cluster run
      When the commands of <document> for a cluster run on the installation of this run
      Then each ends as the page says

      Examples:
        | document                                  |
        | docs/guides/validate-a-cluster.md         |

  @cp_8_3
  Rule: 8.3 Changelog and roadmap are current

    Scenario: The changelog begins with the released version
      When the changelog is read
      Then its latest release is the version of the package, with a day that is not in the future
      And the releases are in descending order, each with its changes

    Scenario: The roadmap contains only plans
      When the roadmap is read
      Then it has at least one plan
      And the changelog lists none of its plans as done

  @cp_8_4
  Rule: 8.4 The protocol document matches the registry

    Scenario: The protocol document is generated from the registry
      When the protocol document is compared with the registry
      Then the protocol document is up to date

    Scenario: The configuration reference is generated from the code
      When the configuration reference is compared with the settings
      Then the configuration reference is up to date

    Scenario: The page of claims is generated from the registry
      When the page of claims is compared with the registry
      Then the page of claims is up to date

    Scenario: The protocol has 32 checkpoints
      When the checkpoints of each phase are counted
      Then the counts are 3, 5, 5, 5, 5, 4, 1 and 4

    Scenario: Every checkpoint has a scenario and every scenario a checkpoint
      When every feature file is read
      Then every checkpoint of the registry has a scenario
      And every scenario belongs to exactly one checkpoint of the registry
      And no two scenarios of a feature share a name
