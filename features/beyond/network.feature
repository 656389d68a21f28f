@phase_0
Feature: Network policies
  A policy that is not enforced is a comment, and one that changes nothing is noise. So the table of connections exists three times:
  declared, computed from the policies, and observed by pods that try every connection.

  @cp_b15
  Rule: B15 Network policies allow exactly the declared connections

    Scenario Outline: The policies of the chart, rendered with <file>
      When the table is computed from the policies that the chart renders with <file>
      Then it is the declared table

      Examples:
        | file                      |
        | default-values.yaml       |
        | minikube-values.yaml      |
        | production-values.yaml    |
        | external-data-values.yaml |

    Scenario: Only the other namespaces and servers in the values can connect
      When the connections between the release and other namespaces and servers are computed for each shipped values file with policies
      Then exactly these are allowed
        | file                      | from       | to                               |
        | production-values.yaml    | KEDA       | Redis pod:6379                   |
        | production-values.yaml    | Prometheus | API pods:8000, consumer:9000     |
        | openshift-values.yaml     | Prometheus | API pods:8000, consumer:9000     |
        | external-data-values.yaml | Prometheus | API pods:8000, consumer:9000     |
        | external-data-values.yaml | API pods   | 192.0.2.10:6380, 192.0.2.11:5432 |
        | external-data-values.yaml | consumer   | 192.0.2.10:6380, 192.0.2.11:5432 |

    Scenario Outline: Each end allows no more than its table explains, with <file>
      When what each end of every connection allows is computed with <file>
      Then each pod opens and accepts exactly the connections that the table explains

      Examples:
        | file                      |
        | default-values.yaml       |
        | minikube-values.yaml      |
        | production-values.yaml    |
        | external-data-values.yaml |
        | gitops-values.yaml        |
        | openshift-values.yaml     |

    @needs_cluster
    Scenario: The network plug-in enforces policies
      When a policy that denies everything is added to a namespace of the run
      Then a connection that was allowed before is denied, and allowed again once the policy is removed

    @needs_cluster
    Scenario: The evaluator interprets policies as the cluster does
      Given a cluster that enforces policies
      When random policies from the seed of this run are applied to pods of the run, 3 at a time, 5 times
      Then each time the allowed connections are those that the evaluator computes

    @needs_cluster
    Scenario: Pods observe the table
      Given a cluster that enforces policies
      When a pod for each row tries every column, and again while the pods of the run are allowed
      Then the observed table is the computed and the declared one
      And every denied connection has a positive control

  @cp_b16
  Rule: B16 Every network policy is necessary

    Scenario: In the computed table
      When the table is computed without each policy of the chart in turn
      Then there are twelve policies, and each changes the table

    @needs_cluster
    Scenario: In the observed table
      Given a cluster that enforces policies
      And a managed installation
      When each of its policies is removed in turn and restored
      Then there are twelve policies, each changes the observed table, and the observed table is always the computed one
      And afterwards the table is the declared one and every pod is ready
