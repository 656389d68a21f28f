@phase_7
Feature: A voter sees the vote in the results
  What a voter is promised is not a stream entry but a number that everybody can read.

  @cp_7_1 @at_cluster
  Rule: 7.1 A vote cast is in the results within 10 s, and the ledger balances

    Scenario: A hundred votes, each followed until everybody can see it
      Given the consumer of the voters runs
      When 100 voters vote, one after the other
      Then each vote is in the results within 10 seconds
      And every vote of this run that was accepted is in the ledger once, for its own option
      And the counts are the sums of the ledger
      And nothing is pending in the voters' stream
