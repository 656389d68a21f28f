@phase_4
Feature: The kubelet restarts hung processes
  The trial runs in the background from the first scenario in the cluster, because most of it is waiting.

  @cp_4_4
  Rule: 4.4 Probes detect hung processes and spare idle ones

    @needs_cluster @background_liveness
    Scenario: A hung consumer is restarted, and an idle one is not
      Given two consumers of the installation, one idle and one with a frozen loop
      Then the kubelet restarts the frozen one within the declared time
      And it does not restart the idle one meanwhile
