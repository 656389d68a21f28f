@phase_7
Feature: Votes appear in the results
  A voter cannot see the stream. What counts is the number that everybody can read.

  @cp_7_1 @at_cluster
  Rule: 7.1 Votes appear in the results within 10 s

    Scenario: A hundred votes, each followed until it appears in the results
      Given a running consumer for the voters
      When 100 voters vote, one after another
      Then each vote is in the results within 10 seconds
      And every accepted vote of this run is in the ledger once, for its own option
      And the counts are the sums of the ledger
      And nothing is pending in the voters' stream
