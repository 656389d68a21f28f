@phase_0
Feature: Crashes between any two commands
  A crash can come at any moment. A proxy stops the process at each command in turn, and there the process is killed.

  @cp_b8
  Rule: B8 A consumer crash at any command loses no vote

    Scenario: The crash points of the consumer
      Given the commands of a consumer that claims, counts, dead-letters, acknowledges and trims
      When it is killed or its connection is reset, before and after each of them
      Then the crash points include every command at which a vote could be lost or counted twice
      And after each crash every vote is counted once and every malformed entry is dead-lettered once

  @cp_b9
  Rule: B9 An API crash at any command breaks no promise

    Scenario: The crash points of the API
      Given the commands of an API between request body and response
      When it is killed and its connection is reset or goes silent, before and after each of them
      Then after each crash every promised vote is counted, and a repeated vote is one vote

    Scenario: The crash points of a rate limit
      When an API with a rate limit is killed before and after each command of a new client's request
      Then none of them has left a counter that stays for ever
