@phase_6
Feature: What is in the stream is in the database, once
  Between the stream and the database a vote can be lost or counted twice. Neither happens, whatever fails in between.

  @cp_6_1
  Rule: 6.1 The group starts at the first entry, so votes cast before the first consumer ever ran are counted

    Scenario: The first consumer comes late
      Given a new stream with 25 votes
      When a consumer is started on it
      Then it says consumer_group_created
      And every vote of the stream is counted once

    Scenario: The group is already there
      Given a new stream with 5 votes
      And a consumer has counted it and is gone
      When 5 more votes are added and a consumer is started on it
      Then it says consumer_group_exists
      And every vote of the stream is counted once

    Scenario: Somebody destroys the group
      Given a new stream with 5 votes
      When a consumer is started on it
      And the group is destroyed once it has counted it
      Then it says that the group was lost, and made anew
      And every vote of the stream is counted once

  @cp_6_2
  Rule: 6.2 Entries are counted once and acknowledged, nothing stays pending, lag is 0

    Scenario: The same vote stands in the stream three times
      Given a new stream with 20 votes, the first of them 3 times
      When a consumer is started on it
      Then every vote of the stream is counted once
      And its log tells of 2 duplicates

    Scenario: It crashes after the commit and before the acknowledgement
      Given a new stream with 20 votes
      And Redis refuses XACK
      When a consumer is started on it
      Then its votes are in the database and all still pending
      When it is killed, Redis takes XACK again and it is started again
      Then every vote of the stream is counted once

  @cp_6_3
  Rule: 6.3 What is malformed goes to the dead letters with the reason, and nothing is acknowledged while the database is down

    Scenario: Malformed entries among votes
      Given a new stream with 2 votes
      And these entries among them
        | what                  | option | timestamp     | request_id                           |
        | An unknown option     | birds  | 1700000000000 | 5e0f3f0e-0000-4000-8000-000000000001 |
        | No option             | (none) | 1700000000000 | 5e0f3f0e-0000-4000-8000-000000000002 |
        | No id                 | cats   | 1700000000000 | (none)                               |
        | An id that is no UUID | cats   | 1700000000000 | 12345                                |
        | No timestamp          | cats   | (none)        | 5e0f3f0e-0000-4000-8000-000000000003 |
        | A timestamp in words  | cats   | yesterday     | 5e0f3f0e-0000-4000-8000-000000000004 |
      When a consumer is started on it
      Then each of these entries is a dead letter with its fields, its id and a reason
      And every vote of the stream is counted once

    Scenario: The database is down for longer than a few tries
      Given a new stream with 20 votes
      And the database is stopped
      When a consumer is started on it
      Then after 4 failed tries nothing is acknowledged, and nothing is in the dead letters
      When the database is back
      Then every vote of the stream is counted once

  @cp_6_4
  Rule: 6.4 SIGTERM, idle or in the middle of a batch: events in order, exit 0 within 5 s, nothing lost or doubled

    Scenario: While idle
      Given a new stream with 3 votes
      When a consumer is started on it
      Then every vote of the stream is counted once
      And SIGTERM ends it in order with exit code 0 within 5 seconds

    Scenario: In the middle of a batch
      Given a new stream with 6000 votes
      When a consumer is started on it and gets SIGTERM in its third batch
      Then it ends in order with exit code 0 within 5 seconds, before the stream is done
      When another consumer is started on it
      Then every vote of the stream is counted once

    Scenario: With votes in hand that the database does not take
      Given a new stream with 20 votes
      And the database is stopped
      When a consumer is started on it
      Then it has tried 2 times, says postgres_unavailable and stays alive
      And SIGTERM ends it in order with exit code 0 within 5 seconds
      When the database is back
      And another consumer is started on it
      Then every vote of the stream is counted once
