@phase_6
Feature: Every vote in the stream is counted once
  Between the stream and the database a vote can be lost or counted twice. Neither happens, whatever fails in between.

  @cp_6_1
  Rule: 6.1 Votes from before the first consumer are counted

    Scenario: The first consumer starts after the first votes
      Given a new stream with 25 votes
      When a consumer is started on it
      Then it logs consumer_group_created
      And its log has consumer_group_created as documented
      And every vote of the stream is counted once

    Scenario: The consumer group exists already
      Given a new stream with 5 votes
      And a consumer that counted them and stopped
      When 5 more votes are added and a consumer is started on it
      Then it logs consumer_group_exists
      And its log has consumer_group_exists as documented
      And every vote of the stream is counted once

    Scenario: The consumer group is destroyed
      Given a new stream with 5 votes
      When a consumer is started on it
      And the group is destroyed after it has counted every vote, and 5 votes arrive before there is another
      Then it logs that the group was lost and created again
      And its log has consumer_group_lost as documented
      And every vote of the stream is counted once

  @cp_6_2
  Rule: 6.2 Every vote is counted once and acknowledged

    Scenario: The same vote is in the stream three times
      Given a new stream with 20 votes, the first of them 3 times
      And 2 more votes in it, each of them again for the other option
      When a consumer is started on it
      Then every vote of the stream is counted once
      And it logs 4 duplicates
      And its log has duplicate_refused as documented

    Scenario: The database refuses a vote, and its batch is halved
      Given a new stream with 4 votes
      And 6 more votes in it, each of them again for the other option
      And a vote in it that the database refuses
      When a consumer is started on it
      Then every vote of the stream is counted once
      And the vote that the database refuses is the only dead letter
      And its log has vote_received, vote_counted and vote_refused as documented

    Scenario: The disk of its log is full
      Given a new stream with 5 votes
      When a consumer is started on it
      And the disk of its log fills up before 20 more votes are added
      Then every vote of the stream is counted once
      And the consumer is still running

    Scenario: Nobody reads its log
      Given a new stream with 5 votes
      When a consumer is started on it whose log nobody reads
      Then every vote of the stream is counted once
      And the consumer is still running

    Scenario: The consumer crashes between commit and acknowledgement
      Given a new stream with 20 votes
      And a Redis that rejects XACK
      When a consumer is started on it
      Then every vote is in the ledger and still pending
      When it is killed, Redis accepts XACK again and it is restarted
      Then every vote of the stream is counted once

  @cp_6_3
  Rule: 6.3 No entry is dropped

    Scenario: Malformed entries among votes
      Given a new stream with 2 votes
      And a vote with further fields in it
      And these malformed entries in it
        | what                  | option | timestamp     | request_id                           |
        | An unknown option     | birds  | 1700000000000 | 5e0f3f0e-0000-4000-8000-000000000001 |
        | No option             | (none) | 1700000000000 | 5e0f3f0e-0000-4000-8000-000000000002 |
        | No request id         | cats   | 1700000000000 | (none)                               |
        | Not a UUID            | cats   | 1700000000000 | 12345                                |
        | No timestamp          | cats   | (none)        | 5e0f3f0e-0000-4000-8000-000000000003 |
        | A timestamp in words  | cats   | yesterday     | 5e0f3f0e-0000-4000-8000-000000000004 |
      When a consumer is started on it, and every command to Redis is watched
      Then each of these entries is in the dead-letter stream with its fields, its id and a reason
      And every vote of the stream is counted once
      And no command bounds the dead-letter stream or takes anything out of it

    Scenario: Redis does not let malformed entries into the dead-letter stream
      Given a new stream with 20 votes
      And these malformed entries in it
        | what                  | option | timestamp     | request_id |
        | Not a UUID            | cats   | 1700000000000 | 12345      |
        | No timestamp          | cats   | (none)        | 7          |
      And a malformed entry with 2001 fields in it
      When a consumer is started on it as a Redis user that may not write its dead-letter stream
      Then every vote of it is counted, and each malformed entry stays pending in the stream
      And the consumer logs malformed_message_set_aside and shows 3 entries in its metric
      When the Redis user may write the dead-letter stream
      Then each of these entries is in the dead-letter stream with its fields, its id and a reason
      And every vote of the stream is counted once
      And the first consumer's log has malformed_message_detected, malformed_message_set_aside and malformed_message_dead_lettered as documented

    Scenario: Another consumer takes over what one has set aside
      Given a new stream with 5 votes
      And these malformed entries in it
        | what                  | option | timestamp     | request_id |
        | Not a UUID            | cats   | 1700000000000 | 12345      |
        | No timestamp          | cats   | (none)        | 7          |
      When a consumer is started on it as a Redis user that may not write its dead-letter stream
      Then every vote of it is counted, and each malformed entry stays pending in the stream
      And the consumer logs malformed_message_set_aside and shows 2 entries in its metric
      When another consumer is started on it
      Then each of these entries is in the dead-letter stream with its fields, its id and a reason
      And the consumer logs malformed_message_set_aside and shows 0 entries in its metric

    Scenario: The database is down for several attempts
      Given a new stream with 20 votes
      And the database is stopped
      When a consumer is started on it
      Then after 4 failed attempts nothing is acknowledged, and the dead-letter stream is empty
      When the database is back
      Then every vote of the stream is counted once

    Scenario: Errors of the database that no vote has caused
      Given a stream of two votes for each of these errors of the database
        | code  | error                          |
        | 25006 | it is read-only                |
        | 40001 | transactions cannot be ordered |
        | 53100 | its disk is full               |
        | 53200 | it is out of memory            |
        | 53300 | it has too many connections    |
        | 54001 | a statement is too complex     |
        | 55P03 | a lock is not available        |
        | 57014 | a statement was cancelled      |
        | 57P01 | it shuts down                  |
        | 58030 | its disk cannot be read        |
        | XX000 | it has a fault                 |
      When a consumer with MAX_RETRIES 1 tries to count the votes of each
      Then after 2 attempts all of them are pending, and none is a dead letter
      When the database has none of these errors any more
      Then every vote of each stream is counted once

  @cp_6_4
  Rule: 6.4 SIGTERM loses no vote

    Scenario: While idle
      Given a new stream with 3 votes
      When a consumer is started on it that waits a minute for new entries
      Then every vote of the stream is counted once
      And it shuts down on SIGTERM with exit code 0 within 5 seconds
      And its log has consumer_name_removed as documented

    Scenario: With an idle connection to a database that is frozen
      Given a new stream with 3 votes
      When a consumer is started on it that waits a minute for new entries
      Then every vote of the stream is counted once
      When the database freezes
      Then it shuts down on SIGTERM with exit code 0 within 5 seconds

    Scenario: In the middle of a batch
      Given a new stream with 6000 votes
      When a consumer is started on it and gets SIGTERM in its third batch
      Then it shuts down with exit code 0 within 5 seconds and leaves entries in the stream
      When another consumer is started on it
      Then every vote of the stream is counted once

    Scenario: With pending votes while the database is down
      Given a new stream with 20 votes
      And the database is stopped
      When a consumer is started on it
      Then it has made 2 attempts, logs postgres_unavailable and stays alive
      And it shuts down on SIGTERM with exit code 0 within 5 seconds
      When the database is back
      And another consumer is started on it
      Then every vote of the stream is counted once
