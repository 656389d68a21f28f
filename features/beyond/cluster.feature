@phase_0
Feature: An installation in a cluster
  What no process on one machine can show: what the API server keeps, what the kubelet does, and what operators do while votes flow.

  @cp_b17
  Rule: B17 The installation is what the chart says, and its stream is in order

    @needs_cluster
    Scenario: Namespaces
      When the namespaces of the installation are looked at
      Then there are four, each labelled with its layer and enforcing restricted

    @needs_cluster
    Scenario: Pods
      When all pods of the installation are looked at
      Then each is ready, has requests and limits, and was never restarted

    @needs_cluster
    Scenario: The nine variables, as the process sees them
      When a consumer's variables are read from its process
      Then they are the nine of the contract, with the values of the release and the pod's own name

    @needs_cluster
    Scenario: The stream
      When the consumer group is read from the live Redis
      Then nothing lags, nothing is pending and nothing is dead

  @cp_b18
  Rule: B18 The disruption budget is honoured

    @needs_cluster
    Scenario: Two evictions of the API at once
      When both pods of the API are asked to leave, one right after the other
      Then the first goes, the second is refused, and two are ready again

  @cp_b19
  Rule: B19 Votes survive what operators do

    @needs_cluster
    Scenario Outline: <what>
      Given votes flow into the installation
      When <what> while they flow
      Then every vote that was accepted is counted once, and no other

      Examples:
        | what                                     |
        | the consumer is scaled to 3, to 0, to 1  |
        | a pod of the api is deleted              |
        | a pod of redis is deleted                |
        | a pod of postgres is deleted             |
        | the api is rolled out                    |
