@phase_0
Feature: The life of a release
  Upgrades fail in production, not in a rendered file. So votes flow meanwhile, and data that must be kept is compared.

  @cp_b20
  Rule: B20 Votes survive reconfiguration, rollback and reinstallation

    @needs_cluster
    Scenario: The chart's own test
      When the chart's own test runs
      Then it reports that its vote was counted

    @needs_cluster
    Scenario: A dry run of every shipped values file
      When the objects of each shipped values file are sent to the API server as a dry run
      Then it would admit every object of a kind that it knows

    @needs_cluster
    Scenario: Upgrade and rollback while votes flow
      Given votes flow into the installation
      When the release is upgraded to another configuration and rolled back while they flow
      Then every accepted vote is counted once, and no other
      And passwords and volumes are the same as before

    @needs_cluster
    Scenario: Uninstallation and reinstallation
      When the release is uninstalled
      Then only the data namespace is left, with its volumes and its Secret
      When it is installed again with the kept data
      Then every vote that was ever accepted there is counted once
      And passwords and volumes are the same as before
