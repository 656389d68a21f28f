@phase_4
Feature: The chart does in a cluster what it declares
  What a template says is a wish. What the API server admitted, what a process finds around it, and what the kubelet does, are facts.

  @cp_4_3
  Rule: 4.3 Every pod keeps Pod Security restricted plus a read-only root, with the images' UIDs

    @needs_cluster
    Scenario Outline: <component>, as it was admitted and from inside
      When the pods of <component> are looked at
      Then each was admitted confined as Pod Security restricted demands, with a read-only root and no token
      And from inside each is the user <user>, without capabilities, and writes nowhere but to its own folders

      Examples:
        | component | user  |
        | api       | 65532 |
        | consumer  | 1000  |
        | redis     | 999   |
        | postgres  | 999   |
