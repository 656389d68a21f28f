@phase_0
Feature: What works once works again
  A first success is easily seen, and often the only one that was ever tried. The second outage, the second change and the second start
  meet state that the first one left behind, and a clock may have been set in between.

  @cp_b27
  Rule: B27 What works once works again, whatever the clocks say

    Scenario: Two outages, on clocks that are days apart
      Given a system of its own, beside other applications, on clocks that can be set
      And a second group that does not read the stream yet, and a page that follows the results
      When both servers refuse, later fall silent, and the clocks of API and consumer jump by days in between
      Then each time nothing is told or promised while the servers are away, and no client waits long
      And each time votes are accepted and counted once, dead entries are claimed and malformed ones are set apart
      And each time voters and the page that follows see the new counts
      And a key stays the same vote and a limit stays the same limit, whatever the clock says
      And metrics, log and heartbeat are right after the second time
      And the stream keeps every entry until the second group has acknowledged it
      When votes of one option are moved to another in the database, and reconcile repairs that and other wrong counts
      Then pages see each change although the total stays, also when they connect again with the id of the last event
      And after each run every count is that of the ledger, and each exit code and message says what was wrong
      And what belongs to other applications is as it was
      And more signals disturb no shutdown, and a restarted API knows keys and counts

    Scenario: The work is stuck, and the rest of the process is not
      Given a new stream with 20 votes
      When the commit of a consumer is held, and later its read
      Then nothing is acknowledged, counted in the metrics or shown as alive meanwhile
      And every vote of the stream is counted once

    Scenario: Dead letters are refused, and the clock is set meanwhile
      Given a new stream with 3 votes
      And these malformed entries in it
        | what            | option | timestamp     | request_id |
        | Not a UUID      | cats   | 1700000000000 | 12345      |
      And its dead-letter stream holds a value of another type
      When a consumer is started on it, and its clock goes back by a day once entries are set aside
      And the value of another type is moved away
      Then the entries were set aside, and are tried again within 30 seconds, whatever the clock says
      And each of these entries is in the dead-letter stream with its fields, its id and a reason
      And every vote of the stream is counted once

    Scenario: Votes arrive while reconcile repairs the counts
      Given a database of its own with counts that differ from the ledger, and a consumer that counts there
      When reconcile is held before it repairs a count, and more votes arrive
      Then the votes wait until it has ended, and then every count is that of the ledger

    @background_quiet
    Scenario: Nobody votes for half a minute
      Given a page that follows the results and a consumer that waits six seconds at a time, while nobody votes
      Then the page hears again and again that nothing has changed, and when the database was read
      And the consumer waits without a word

    @background_outages
    Scenario: The pauses between attempts
      Given a consumer without Redis and one without the database, each two times
      Then each outage is logged from its first attempt on, by number
      And its pauses grow to three seconds and no further, and begin anew after a success

    Scenario: A migration is cut off at each of its statements
      Given the commands of a migration of an empty database
      When a migration is cut off at each statement that changes something, and before and after the last
      Then each time the database has the whole schema or nothing
      And the next two migrations, which begin at the same moment, complete it and the third changes nothing
