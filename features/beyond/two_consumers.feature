@phase_0
Feature: Two consumers at once count once
  What one consumer has in hand another may take over, and the first may come back to it. The ledger decides, not the stream.

  @cp_b7
  Rule: B7 The same batch in two hands, a consumer frozen in mid-commit, and a stream id given again

    Scenario: Two consumers send the same batch at the same moment
      Given a consumer that holds 20 votes, stopped before its statement
      And another that has taken them over, stopped before its statement
      When both statements are let go
      Then every vote of the stream is counted once

    Scenario: A consumer frozen in mid-commit comes back
      Given a consumer that holds 20 votes, stopped after its statement and frozen
      When another has taken them over, and the first one thaws
      Then every vote of the stream is counted once
      And both consumers are alive and no vote is in the dead letters

    Scenario: A stream id is given again
      Given 20 votes that were counted, and a stream that was lost
      When 20 other votes come under the very same stream ids
      Then every vote of the stream is counted once
