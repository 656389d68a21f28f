@phase_0
Feature: An installation in a cluster
  Only a cluster shows what the API server stores, what the kubelet does, and what operators cause while votes flow.

  @cp_b17
  Rule: B17 The installation is ready and set up as released

    @needs_cluster
    Scenario: The namespaces
      When the namespaces of the installation are read
      Then there are four, each with the label of its layer and enforcing restricted

    @needs_cluster
    Scenario: The pods
      When all pods of the installation are read
      Then each is ready, has requests and limits, and was never restarted

    @needs_cluster
    Scenario: The nine variables, as the process sees them
      When the variables of a consumer are read from its process
      Then they are the nine of the contract, with the values of the release and the pod's own name

    @needs_cluster
    Scenario: The stream
      When the consumer group is read from the live Redis
      Then lag, pending entries and dead-letter entries are 0

  @cp_b18
  Rule: B18 Evictions leave an API pod running

    @needs_cluster
    Scenario: Two evictions of the API in a row
      When both pods of the API are evicted in a row
      Then the first eviction succeeds, the second is rejected, and two pods become ready again

  @cp_b19
  Rule: B19 Votes survive scaling, pod loss and a rollout

    @needs_cluster
    Scenario Outline: While votes flow, <what>
      Given votes flow into the installation
      When <what> while they flow
      Then every accepted vote is counted once, and no other

      Examples:
        | what                                     |
        | the consumer is scaled to 3, to 0, to 1  |
        | a pod of the api is deleted              |
        | a pod of redis is deleted                |
        | a pod of postgres is deleted             |
        | the api is rolled out                    |
