@phase_0
Feature: What holds the votes does not let go of them
  The original protocol never looked at the servers' own settings, nor at what a dead consumer left behind.

  @cp_b1 @at_cluster
  Rule: B1 The live Redis persists every write and evicts nothing

    Scenario: Its settings
      When the settings of the live Redis are read
      Then it keeps every write on disk and evicts nothing

  @cp_b2
  Rule: B2 Another consumer takes over what a dead one was given

    Scenario: A consumer died with entries in hand
      Given a new stream with 20 votes
      And a consumer that took 8 of them and died
      When a consumer is started on it
      Then every vote of the stream is counted once
