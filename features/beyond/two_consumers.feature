@phase_0
Feature: Concurrent consumers
  One consumer may claim the pending votes of another, which may still come back to them. The ledger decides, not the stream.

  @cp_b7
  Rule: B7 Concurrent consumers count each vote once

    Scenario: Two consumers commit the same batch at the same moment
      Given a consumer with 20 pending votes, stopped before its statement
      And a second consumer that claimed them, stopped before its statement
      When both statements continue
      Then every vote of the stream is counted once

    Scenario: A consumer that froze during its commit resumes
      Given a consumer with 20 pending votes, stopped after its statement and frozen
      When a second consumer claims them, and the first one resumes
      Then every vote of the stream is counted once
      And both consumers are alive and the dead-letter stream is empty

    Scenario: A stream id is used again
      Given a lost stream with 20 counted votes
      When 20 other votes are added under the same stream ids
      Then every vote of the stream is counted once
