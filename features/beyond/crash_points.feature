@phase_0
Feature: A process may die between any two commands
  A crash does not choose its moment. So each moment is visited: a fault proxy stops the process at the k-th command, and there it is killed.

  @cp_b8
  Rule: B8 A consumer that dies at any command leaves every vote to be counted once

    Scenario: The consumer's crash points
      Given the commands of a consumer that claims, counts, buries, acknowledges and trims
      When it is killed before and after each of them
      Then the points are those where a vote could be lost or counted twice
      And after each death every vote is counted once and every malformed entry is buried once

  @cp_b9
  Rule: B9 An API that dies at any command has promised nothing that is not kept

    Scenario: The API's crash points
      Given the commands of an API between body and answer
      When before and after each of them it is killed, and its connection is reset and goes silent
      Then after each death no answer was a promise that is not kept, and a repeated vote is one vote
