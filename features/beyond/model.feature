@phase_0
Feature: Every answer is the model's answer
  A small model of the voting system runs beside the real one. It knows what the documents promise, and nothing about how the system keeps
  it. Random steps happen to the real parts: concurrent votes, repeated keys, restarts, clocks that are set, a database that goes away.

  @cp_b24
  Rule: B24 Every answer agrees with a model of the voting system

    Scenario Outline: Random steps from <seed>
      Given two APIs, two consumers and a second group, with a stream and a database of their own
      When steps drawn from <seed> happen to them
      Then every answer is what the model says
      And each kind of step happened, and each kind of answer was compared

      Examples: the same steps in every run, so that a verdict can be repeated
        | seed                    |
        | the seed of the release |

      @thorough
      Examples: other steps in every run
        | seed                 |
        | the seed of this run |
