@phase_0
Feature: The network lets through what was declared, and nothing else
  A policy that nobody enforces is a comment, and one that nobody would miss is noise. So the table is seen three times: as it is
  declared, as the policies compute, and as pods find it that try every connection.

  @cp_b15
  Rule: B15 What may open a connection to what is one table, declared, computed and observed

    Scenario Outline: The policies of the chart, rendered with <file>
      When the table is computed from the policies that the chart renders with <file>
      Then it is the declared one

      Examples:
        | file                      |
        | default-values.yaml       |
        | minikube-values.yaml      |
        | production-values.yaml    |
        | external-data-values.yaml |

    Scenario: Whom the values name elsewhere is let through, and nobody beside
      When the ways between the release and what is elsewhere are computed, for each shipped values file with policies
      Then these are open, and no other
        | file                      | from       | to                               |
        | production-values.yaml    | KEDA       | Redis pod:6379                   |
        | production-values.yaml    | Prometheus | API pods:8000, consumer:9000     |
        | external-data-values.yaml | Prometheus | API pods:8000, consumer:9000     |
        | external-data-values.yaml | API pods   | 192.0.2.10:6380, 192.0.2.11:5432 |
        | external-data-values.yaml | consumer   | 192.0.2.10:6380, 192.0.2.11:5432 |

    @needs_cluster
    Scenario: The network plug-in enforces policies
      When a namespace of the run's own gets a policy that refuses everything
      Then a connection that was taken before is refused, and is taken again once the policy is gone

    @needs_cluster
    Scenario: The evaluator reads policies as the cluster does
      Given a cluster that enforces policies
      When policies drawn from the seed of this run are applied to the run's own pods, 3 at a time, 5 times
      Then each time the connections that are taken are those that the evaluator computes

    @needs_cluster
    Scenario: Pods observe the table
      Given a cluster that enforces policies
      When a pod in the place of each row tries every column, and once more while the run's own pods are let through
      Then the observed table is the computed one and the declared one
      And every refusal has its positive control

  @cp_b16
  Rule: B16 Each of the twelve policies is missed when it is away

    Scenario: As computed
      When the table is computed without each of the chart's policies in turn
      Then there are twelve, and each time it is another table

    @needs_cluster
    Scenario: As observed
      Given a cluster that enforces policies
      And an installation that may be changed
      When each of its policies is taken away in turn, and put back
      Then there are twelve, and each time the observed table is the computed one, and another than with all of them
      And when all are back, the table is the declared one and every pod is ready
