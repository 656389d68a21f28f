@phase_0
Feature: Operators see the truth
  An alert is as good as the figure that it watches: a lag that is not the stream's lag warns of nothing.

  @cp_b12
  Rule: B12 The consumer's metrics are what is in the stream, and the API's log and metrics are what it has answered

    Scenario: Behind, counted, and cut off
      Given a new stream with 8 votes that are a minute old, and 22 new ones, the first of these 3 times
      And these entries among them
        | what            | option | timestamp     | request_id |
        | no UUID         | cats   | 1700000000000 | 7          |
      And a consumer that took 8 of them and died
      When a consumer with metrics is started on it without the database
      Then its metrics show what is pending, what lags and how old the oldest is, as the stream has it
      When a consumer with metrics is started on it
      Then its metrics show 31 counted, 2 duplicates, 1 dead letter, 8 claimed and nothing left
      And each metric of the promise that is the consumer's is among them

    Scenario: A request that was refused
      When an API is started
      Then it is ready within 5 seconds
      When somebody votes at it for "birds"
      Then the line of its log with the id of the answer tells what was asked and what came of it
      And its metrics have counted it
