@phase_0
Feature: Operators see the true state
  An alert is as good as its metric: a lag that is not the stream's lag warns of nothing.

  @cp_b12
  Rule: B12 Metrics, logs and traces report the true state

    Scenario: The metrics of a consumer that lags, recovers and counts
      Given a new stream with 8 votes from a minute ago and 22 new ones, the first of these 3 times
      And these malformed entries in it
        | what            | option | timestamp     | request_id |
        | Not a UUID      | cats   | 1700000000000 | 7          |
      And a consumer that read 8 of them and died
      When a consumer with metrics is started on it without the database
      Then its metrics match the stream: pending entries, lag and age of the oldest entry
      And another consumer of the group shows the same, and each holds a part of the pending entries
      When both consumers are killed
      And a consumer with metrics is started on it while the database holds the ledger back for 0.5 seconds
      Then its metrics show 31 counted, 2 duplicates, 1 dead letter, 8 claimed and an empty backlog
      And its log has messages_claimed as documented
      And it serves every documented consumer metric
      And its histograms have the batches of its log, and statements of at least 0.5 seconds

    Scenario: Votes that left the stream before they were counted
      Given a new stream with 6 votes
      And a consumer that read 5 of them and died
      And 2 of these entries left the stream since then
      When a consumer with metrics is started on it
      Then its metrics show 2 lost votes and 4 counted, and its log names the lost entries

    Scenario: The log and metrics of a rejected request
      When an API is started
      Then it is ready within 5 seconds
      When a client sends it a vote for "birds"
      Then its log has one line with the request id, which describes the request and the response
      And its metrics count the request
      When clients send it requests with these ids
        | id              | kept |
        | of 64 letters   | yes  |
        | of 65 letters   | no   |
        | of 4096 letters | no   |
        | of no letter    | no   |
        | with a space    | no   |
      Then each response has the id that was kept or a new one, and its log line has the same and at most 300 bytes
      When a client follows its live results for 0.5 seconds
      Then its metrics have the time until each of these responses started
      And it serves every documented metric of the API

    Scenario: The gauges about the stream while Redis is away, or forbids a command
      Given an API and a consumer without the database, and a Redis of their own with 3 votes
      Then the gauges are those of the stream, which has 3 entries
      And these gauges are NaN while Redis forbids a command
        | command  | gauges                                                    |
        | XLEN     | votes_stream_length                                       |
        | XPENDING | vote_lag_entries, vote_pending_entries, vote_oldest_seconds |
        | XINFO    | vote_lag_entries, vote_pending_entries, vote_oldest_seconds |
      And their consumer's log has upkeep_refused as documented
      When their Redis refuses every connection
      Then each gauge about the stream is NaN
      And the API counts a vote that is refused with 503, and the time until the response
      When their Redis is back, with 5 more votes
      Then the gauges are those of the stream, which has 8 entries
      When their Redis answers nothing
      Then each gauge about the stream is NaN
      And the API counts a vote that is refused with 503, and the time until the response
      When their Redis is back, with 2 more votes
      Then the gauges are those of the stream, which has 10 entries
      When an entry that waits is deleted, so that Redis does not know how many are left
      Then the lag is NaN, and the other gauges are those of the stream

    Scenario: A vote with a traceparent is one trace, from the client to the count
      Given an API and a consumer that send their spans to a collector
      When marked clients vote with each of these headers
        | traceparent                                            | what it is                         | trace         |
        | 00-TRACE-SPAN-01                                       | sampled                            | continued     |
        | 00-TRACE-SPAN-03                                       | sampled, with a random id          | continued     |
        | cc-TRACE-SPAN-01-more                                  | of a later version                 | continued     |
        | 00-TRACE-SPAN-00                                       | not sampled                        | not sent      |
        |                                                        | missing                            | new           |
        | 00-TRACE-SPAN-01 00-TRACE-SPAN-01                      | sent twice                         | new           |
        | ff-TRACE-SPAN-01                                       | of a version that is forbidden     | new           |
        | 00-TRACE-SPAN-01-more                                  | with a field that version 00 lacks | new           |
        | 00-TRACEUP-SPAN-01                                     | in upper case                      | new           |
        | 00-TRACE-SPAN                                          | cut off                            | new           |
        | 00-00000000000000000000000000000000-SPAN-01            | without a trace                    | new           |
        | 00-TRACE-0000000000000000-01                           | without a span                     | new           |
        | 00-TRACE-SPAN-01;option=1                              | followed by something              | new           |
      Then each vote is one trace: a span of the API, which continues a valid header, and below it one of the consumer
      And the entry of each vote names the span of the API
      And each span has the documented attributes, and the vote by its id alone
      And nothing that was sent to the collector holds a trait of a client or an option

    Scenario: What became of a vote is in its trace
      Given an API and a consumer that send their spans to a collector
      When entries with these traceparents are added
        | traceparent                                 | what                 | span      |
        | 00-TRACE-SPAN-01                            | a vote               | counted   |
        | 00-TRACE-SPAN-01                            | the same vote again  | duplicate |
        | 00-TRACE-SPAN-01                            | an unknown option    | malformed |
        | (empty)                                     | a vote               | none      |
        | 00-TRACE-SPAN-zz                            | a vote               | none      |
        | (ten thousand characters)                   | a vote               | none      |
        | (no text)                                   | a vote               | none      |
      Then every vote among them is counted once
      And the consumer's span of each entry says what became of it
      When Redis refuses a vote with a traceparent
      Then its trace has a span of the API, which failed with 503

    Scenario Outline: Without a collector, nothing is written, loaded or sent: <how>
      Given an API and a consumer <how>
      When 3 votes with a traceparent are sent
      Then each of them is counted, and its entry has the three fields of the contract and no other
      And neither part has loaded the libraries, and no collector got anything

      Examples:
        | how                                              |
        | without variables of OpenTelemetry               |
        | with a collector, and OpenTelemetry is disabled  |

    Scenario Outline: A collector that <does> delays no vote and no shutdown, and loses no vote
      Given an API and a consumer whose collector <does>
      When 60 votes with a traceparent are sent
      Then each vote is answered within a second and counted
      When one more vote is sent, and both parts are told to stop
      Then both exit with code 0 in time

      Examples:
        | does                |
        | refuses connections |
        | answers nothing     |
