@phase_0
Feature: Operators see the true state
  An alert is as good as its metric: a lag that is not the stream's lag warns of nothing.

  @cp_b12
  Rule: B12 Metrics and logs report the true state

    Scenario: The metrics of a consumer that lags, recovers and counts
      Given a new stream with 8 votes from a minute ago and 22 new ones, the first of these 3 times
      And these malformed entries in it
        | what            | option | timestamp     | request_id |
        | Not a UUID      | cats   | 1700000000000 | 7          |
      And a consumer that read 8 of them and died
      When a consumer with metrics is started on it without the database
      Then its metrics match the stream: pending entries, lag and age of the oldest entry
      When a consumer with metrics is started on it
      Then its metrics show 31 counted, 2 duplicates, 1 dead letter, 8 claimed and an empty backlog
      And it serves every documented consumer metric

    Scenario: The log and metrics of a rejected request
      When an API is started
      Then it is ready within 5 seconds
      When a client sends it a vote for "birds"
      Then its log has one line with the request id, which describes the request and the response
      And its metrics count the request
      And it serves every documented metric of the API

    Scenario: The gauges about the stream while Redis is away, or forbids a command
      Given an API and a consumer without the database, and a Redis of their own with 3 votes
      Then the gauges are those of the stream, which has 3 entries
      And these gauges are NaN while Redis forbids a command
        | command  | gauges                                                    |
        | XLEN     | votes_stream_length                                       |
        | XPENDING | vote_lag_entries, vote_pending_entries, vote_oldest_seconds |
        | XINFO    | vote_lag_entries, vote_pending_entries, vote_oldest_seconds |
      When their Redis refuses every connection
      Then each gauge about the stream is NaN
      When their Redis is back, with 5 more votes
      Then the gauges are those of the stream, which has 8 entries
      When their Redis answers nothing
      Then each gauge about the stream is NaN
      When their Redis is back, with 2 more votes
      Then the gauges are those of the stream, which has 10 entries
