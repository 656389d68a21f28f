@phase_0
Feature: A long life
  What is kept for ever fills a server one night, long after the release was cleared. So a long life is lived in little time, and lines
  are fitted through what is measured after each round of work.

  @cp_b25
  Rule: B25 Nothing grows with the age of the system beyond what is documented

    Scenario: Names of consumers come and go
      Given a group with 1000 names of killed consumers, 600 of them idle for ten minutes and one of these with a vote
      When a consumer is started on this group
      Then the other names stay, and these leave the group
      When this consumer is stopped
      Then its own name leaves the group

    Scenario: Counts, sequences and stream ids near the limits of their types
      Given a system of its own that has counted a vote
      Then 3 votes are counted exactly from each of these counts
        | limit     | count            |
        | 2^15      | 32766            |
        | 2^31      | 2147483646       |
        | 2^53      | 9007199254740990 |
      When every sequence of the database has given 2147483646 numbers
      Then 3 votes are counted exactly from each of these counts
        | limit     | count            |
        | no votes  | 0                |
      Then the stream keeps what a second group still needs, whichever part of an id decides
        | what decides                    | group  | it            | done with                         | still needs                        |
        | the length of the second number | first  | has not read  | 2000000000000-7, 2000000000000-8  | 2000000000000-9, 2000000000000-10  |
        | the length of the second number | last   | holds         | 2000000000001-7, 2000000000001-8  | 2000000000001-9, 2000000000001-10  |
        | the value of the second number  | last   | has not read  | 2000000000002-2, 2000000000002-3  | 2000000000002-4, 2000000000002-5   |
        | the value of the second number  | first  | holds         | 2000000000003-2, 2000000000003-3  | 2000000000003-4, 2000000000003-5   |
        | the value of the first number   | first  | has not read  | 2000000000004-9, 2000000000005-8  | 2000000000006-7, 2000000000007-6   |
        | the value of the first number   | last   | holds         | 2000000000014-9, 2000000000015-8  | 2000000000016-7, 2000000000017-6   |
        | the length of the first number  | last   | has not read  | 9999999999998-9, 9999999999999-8  | 10000000000000-7, 10000000000001-6 |
        | the length of the first number  | first  | holds         | 99999999999997-9, 99999999999998-8 | 99999999999999-7, 100000000000000-6 |
      When votes are added under ids that floating-point numbers cannot tell apart, and a second group has not read the last two
      Then every vote is counted, and those that the second group has not read are still there

    Scenario: Votes are cast, clients come and go, and connections are lost
      Given a system of its own that has warmed up
      When it lives through 8 rounds of votes, 6 of visits, and 6 of lost connections
      Then nothing grows faster than documented
      And the processor time for each round does not grow
      And every key but the stream expires in its time
      And every vote is counted, and no statement read more rows than it needed
      And receipts read the rows of their votes and no others
      When the last client has left
      Then the system is quiet: no log line and no statement

    Scenario: One client stays while thousands come and leave
      Given an API with a page that follows its results
      When 3000 clients connect and leave, 3 times
      Then the API that waits is as little busy as before, and the page still follows

    Scenario: Many clients want an answer at the same moment
      Given a new stream with 100 votes
      And an API with a rate limit and a consumer of its votes, both with a slow way to the database
      When 12 clients ask whether it is ready and 30 vote, all at once
      Then each part has opened no more connections than the chart counts on

    Scenario: Votes wait, and are counted after all
      Given a system of its own whose consumer cannot reach the database
      When the votes that wait grow in 6 steps, half of them read by a consumer that died
      Then neither memory nor what a measurement reads grows with them
      When its consumer reaches the database again
      Then every vote that waited is counted once, in bounded memory
