@phase_0
Feature: A release comes and goes
  Upgrades go wrong in production and not in a rendered file. Votes flow all the while, and what is kept must be kept.

  @cp_b20
  Rule: B20 Upgrade, rollback, uninstall and install again lose nothing

    @needs_cluster
    Scenario: The chart's own test
      When the chart's own test runs
      Then it finds its vote counted

    @needs_cluster
    Scenario: An install that only the API server looks at
      When the API server is shown what each shipped values file makes
      Then it would admit every object of a kind that it knows

    @needs_cluster
    Scenario: Upgrade and rollback with votes in flight
      Given votes flow into the installation
      When the release is upgraded to another configuration and rolled back while they flow
      Then every vote that was accepted is counted once, and no other
      And passwords and volumes are the same as before

    @needs_cluster
    Scenario: Uninstall and install again
      When the release is uninstalled
      Then only the data namespace is left, with its volumes and its Secret
      When it is installed again beside the kept data
      Then every vote that was ever accepted there is counted once
      And passwords and volumes are the same as before
