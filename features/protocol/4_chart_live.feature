@phase_4
Feature: The chart does in a cluster what it declares
  A template states an intention. What the API server admitted, what a process sees and what the kubelet does are facts.

  @cp_4_3
  Rule: 4.3 Pods meet Pod Security restricted with a read-only root

    @needs_cluster
    Scenario Outline: The pods of <component>, as admitted and from inside
      When the pods of <component> are inspected
      Then each was admitted as Pod Security restricted requires, with a read-only root and no token
      And each process is the user <user> without capabilities, and can write only to its own folders

      Examples:
        | component | user  |
        | api       | 65532 |
        | consumer  | 1000  |
        | redis     | 999   |
        | postgres  | 999   |
