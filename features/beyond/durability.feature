@phase_0
Feature: Stored votes stay stored
  The original protocol checked neither the settings of the servers nor what a dead consumer leaves behind.

  @cp_b1 @at_cluster
  Rule: B1 Redis is set to persist every write and evict nothing

    Scenario: The settings of the live Redis
      When the settings of the live Redis are read
      Then they persist every write and evict nothing

  @cp_b2
  Rule: B2 Votes of a dead consumer are claimed and counted

    Scenario: A consumer died with pending entries
      Given a new stream with 20 votes
      And a consumer that read 8 of them and died
      When a consumer is started on it
      Then every vote of the stream is counted once

    Scenario: They lie behind many entries that another consumer has only just read
      Given a new stream with 60 votes
      And 50 of them are in the hands of another consumer, and the other 10 in those of one that died a minute ago
      When a consumer is started on it that reads 2 at a time and leaves entries to others for 30 seconds
      Then the 10 votes of the dead consumer are counted, and the 50 others are left to theirs
