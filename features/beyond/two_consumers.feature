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

    Scenario Outline: A consumer that froze after its <step> resumes
      Given a consumer with 20 pending votes, stopped after its <step> and frozen
      When a second consumer claims them, and the first one resumes
      Then every vote of the stream is counted once
      And the first consumer logs how it went on, both are alive and the dead-letter stream is empty

      Examples: the database ends a transaction that waits too long, so that the second consumer can count
        | step      |
        | statement |
        | commit    |

    Scenario: A stream id is used again
      Given a lost stream with 20 counted votes
      When 20 other votes are added under the same stream ids
      Then every vote of the stream is counted once
