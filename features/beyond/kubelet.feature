@phase_4
Feature: The kubelet restarts what hangs
  The trial begins with the first scenario in the cluster and is looked at here: most of it is waiting.

  @cp_4_4
  Rule: 4.4 Probes are declared for each workload, differ from one another, and are true

    @needs_cluster
    Scenario: A hung loop is restarted, and an idle one is not
      Given two consumers of the installation, one idle and one whose loop is frozen
      Then the kubelet restarts the frozen one within the declared time
      And leaves the idle one alone for as long
