@phase_0
Feature: The parts follow their stores
  A name can lead to another server, a server can close what is idle, and a setting can differ from the one that was asked for. Each
  part notices before a vote is at risk, and says what it found.

  @cp_b22
  Rule: B22 The parts follow their stores and refuse settings that break a promise

    Scenario: Redis and PostgreSQL close every idle connection
      Given an API and a consumer that reach Redis and the database by their names
      When every connection is closed 3 times, by FIN and by reset, and a vote is cast after each
      Then each vote is accepted at its first try and counted once, and the API is ready at once
      And 30 more votes are accepted and counted over the connections that are open

    Scenario: Redis and the database over TLS
      When an API and a consumer reach Redis and the database over TLS, and these show
        | certificate                        | vote    |
        | the right certificate              | counted |
        | a certificate of another authority | refused |
        | a certificate for another address  | refused |
        | no certificate, and do not encrypt | refused |
      Then votes are accepted and counted only with the right certificate
      And nothing else is sent to the other servers, and nothing in clear

    Scenario: The old primaries become read-only, and the names lead to new ones
      Given an API and a consumer that reach Redis and the database by their names
      When all open connections lead to read-only servers, and new ones lead to the primaries
      Then a vote is accepted within 2 tries, and the API is ready
      And every vote is counted once within 10 seconds
      And 30 more votes are accepted and counted over the connections that are open

    Scenario Outline: The API refuses a Redis with <setting> <value>
      Given a Redis with <setting> <value>
      Then the API refuses votes and is not ready, and names <found>
      When the setting is corrected
      Then the API accepts votes and is ready

      Examples:
        | setting          | value       | found            |
        | appendonly       | no          | aof_enabled      |
        | appendfsync      | everysec    | appendfsync      |
        | maxmemory-policy | allkeys-lru | maxmemory_policy |

    Scenario: Redis Cluster is refused by name
      Given a Redis Cluster of one node
      When an API and a consumer are started on it
      Then both name Redis Cluster, and the API is not ready
      And no vote is accepted, with or without a key

    Scenario: A pooler ignores start-up parameters and shares sessions, and the server commits asynchronously by default
      Given a new stream with 40 votes
      And a database whose sessions commit asynchronously unless told otherwise
      When a consumer is started on it behind a pooler that shares sessions and ignores start-up parameters
      Then every vote of the stream is counted once
      And every vote was committed synchronously, with time limits in force
      And each statement counted at most as many votes as BATCH_SIZE allows

    Scenario: Migrations behind a pooler
      When the migration runs twice behind a pooler whose sessions stay open and forget nothing
      Then both succeed, and no session holds a lock afterwards

    Scenario: A pooler in statement mode is refused
      Given a new stream with 3 votes
      When an API and a consumer of it are started behind a pooler in statement mode
      Then the API is not ready and names the database, and the consumer says why and counts nothing

    Scenario Outline: The parts reach their servers <way>
      Given a new stream with 3 votes
      When an API and a consumer of it reach Redis and the database <way>
      Then the API is ready, accepts a vote and shows the counts
      And every vote of the stream is counted once

      Examples:
        | way                                                            |
        | over Unix sockets                                              |
        | by a list of servers, of which only the last accepts writes    |
