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
