@phase_0
Feature: Settings are explained, and steps can be repeated
  A check of known mistakes sees known mistakes. So every field has a reason in a table, and whatever nobody explained is a finding. What
  was cut off is run again by the next pod, so each step must work a second time.

  @cp_b28
  Rule: B28 Every setting has a reason, and every step can be repeated

    Scenario Outline: Every field of every object has a reason, with <values file>
      When the chart is rendered with <values file>
      Then each field of each object is as the table of <values file> explains

      Examples:
        | values file                |
        | default-values.yaml        |
        | minikube-values.yaml       |
        | production-values.yaml     |
        | external-data-values.yaml  |
        | platform-values.yaml       |
        | gitops-values.yaml         |
        | openshift-values.yaml      |

    Scenario: Every default value has a reason
      When the default values of the chart are read
      Then each is as its table explains

    Scenario: Every field of compose.yaml has a reason
      When compose.yaml is read
      Then each of its fields is as its table explains

    Scenario: The passwords of compose.yaml
      When compose.yaml is read with other passwords in the environment
      Then they replace the default ones, at each server and at each client

    Scenario: The next release changes nothing that Kubernetes refuses to change
      When the chart of the next release is rendered
      Then no immutable field differs, and Redis and PostgreSQL are not restarted

    @needs_local
    Scenario Outline: Every setting of the Redis in <place> has a reason
      When a Redis is started with the command in <place>, with a password of unusual characters
      Then each setting that differs from the defaults of Redis is as its table explains
      And it answers only those who know the password
      And it finds its votes on its volume after a second start

      Examples:
        | place        |
        | the chart    |
        | compose.yaml |

    @needs_local
    Scenario Outline: Every setting of the PostgreSQL in <place> has a reason
      When a PostgreSQL is started with the command in <place>
      Then each setting that its command gives is as its table explains, and no durable default is changed

      Examples:
        | place        |
        | the chart    |
        | compose.yaml |

    @needs_local
    Scenario: A migration is cut off at each of its statements and runs again
      Given a new database of the run's server
      When the migration is cut off at its first statement, then at its second, until nothing is left to cut
      Then each run that was cut off failed and left nothing behind
      And the schema is that of a migration that nothing disturbed
      And a further migration changes no definition and no row

    @needs_local
    Scenario: The programs of the schema end with the exit codes that are documented
      When the programs of the schema are run, and this happens to them
        | program   | what happens                                 | exit code |
        | migrate   | the schema is missing                        | 0         |
        | migrate   | the schema is newer                          | 0         |
        | migrate   | a table of another application is in the way | 1         |
        | migrate   | the server does not answer                   | 1         |
        | migrate   | the URL is of another kind                   | 2         |
        | migrate   | SIGINT                                       | 130       |
        | migrate   | SIGTERM                                      | 143       |
        | reconcile | the server does not answer                   | 2         |
        | reconcile | the URL is of another kind                   | 2         |
        | reconcile | SIGINT                                       | 130       |
        | reconcile | SIGTERM                                      | 143       |
      Then each ends with this exit code
      And each that failed says why in one line without a secret
      And the newer schema is as it was
