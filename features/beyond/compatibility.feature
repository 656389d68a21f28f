@phase_0
Feature: Compatibility
  Clients, dashboards, values files and other consumers outlive a release. What they rely on does not change without a new major version.

  @cp_b29
  Rule: B29 A release keeps what others rely on

    Scenario Outline: The <interface> of the last release
      Given the last release
      When the <interface> of this source are read
      Then nothing is gone, changed or newly required that the last release offered there

      Examples:
        | interface              |
        | variables              |
        | log events             |
        | exit codes             |
        | chart values           |
        | fields of results.json |

    Scenario: HTTP API, metrics, names in Redis, tables and functions of the last release
      Given the last release
      And a system of its own, beside other applications, on clocks that can be set
      When the system has counted votes and set a malformed entry apart
      Then nothing is gone, changed or newly required that the last release offered there

  @cp_b31
  Rule: B31 An upgrade loses no vote, and neither does the way back

    Scenario: From the last release to this source and back, part by part, while votes flow
      Given the parts of the last release, on a schema that its migration made
      When votes flow through these stages
        | stage                        | APIs     | consumers | migration |
        | the last release             | old      | old       |           |
        | this source migrates         | old      | old       | new       |
        | its consumer joins the group | old      | old, new  |           |
        | its consumer counts alone    | old      | new       |           |
        | its API joins                | old, new | new       |           |
        | this source                  | new      | new       |           |
        | the consumer goes back       | new      | old       | old       |
        | the API goes back            | old, new | old       |           |
      Then at each stage votes are accepted, every consumer counts, and the parts that go end in order
      And every migration succeeds, and no vote is refused meanwhile
      And a vote that is sent again with its key, at any stage and to either API, is the vote that it was
      And both APIs show the same results, which are the accepted votes
      And every accepted vote is counted once, nothing became a dead letter, and no part logged an error
