@phase_0
Feature: Votes survive every fault
  Voters vote all the time, with a key each, and send a vote again until it is answered. Then something breaks.
  A fault that nobody saw taking effect proves nothing, and neither does a watcher who looked away.

  @cp_b3
  Rule: B3 Votes survive the death of any process

    Scenario Outline: a process, <part> <what>
      Given votes flow
      When <part> <what>, and then it is over
      Then the fault took effect, and every vote is counted once

      Examples:
        | part       | what         |
        | the API    | is killed    |
        | the API    | is shut down |
        | the API    | is frozen    |
        | consumer a | is killed    |
        | consumer a | is shut down |
        | consumer a | is frozen    |
        | Redis      | is killed    |
        | Redis      | is shut down |
        | Redis      | is frozen    |
        | PostgreSQL | is killed    |
        | PostgreSQL | is shut down |
        | PostgreSQL | is frozen    |

      @thorough
      Examples:
        | part       | what         |
        | consumer b | is killed    |
        | consumer b | is shut down |
        | consumer b | is frozen    |

  @cp_b4
  Rule: B4 Votes survive a Redis in trouble

    Scenario Outline: a Redis in trouble, <fault>
      Given votes flow
      When <fault>, and then it is over
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                           |
        | Redis is stalled                |
        | the consumer group is destroyed |
        | Redis is out of memory          |
        | the disk of Redis is full       |

  @cp_b5
  Rule: B5 Votes survive a PostgreSQL in trouble

    Scenario Outline: a PostgreSQL in trouble, <fault>
      Given votes flow
      When <fault>, and then it is over
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                                     |
        | PostgreSQL is restarted                   |
        | PostgreSQL terminates all sessions        |
        | the PostgreSQL tables are locked for 20 s |
        | PostgreSQL is read-only                   |
        | PostgreSQL has no free connection         |

  @cp_b6
  Rule: B6 Votes survive a bad link

    Scenario Outline: the connection from <connection> <what>
      Given votes flow
      When the connection from <connection> <what>, and then it is over
      Then the fault took effect, and every vote is counted once

      Examples:
        | connection                  | what                         |
        | the API to Redis            | is reset                     |
        | the API to Redis            | is refused                   |
        | the API to Redis            | drops all traffic            |
        | the API to Redis            | drops replies                |
        | the consumers to Redis      | is refused                   |
        | the consumers to Redis      | drops all traffic            |
        | the consumers to Redis      | drops replies                |
        | the consumers to Redis      | is reset right after a reply |
        | the consumers to PostgreSQL | is closed                    |
        | the consumers to PostgreSQL | drops all traffic            |
        | the consumers to PostgreSQL | is slow                      |
        | the consumers to PostgreSQL | drops replies                |

      @thorough
      Examples:
        | connection                  | what       |
        | the API to Redis            | is closed  |
        | the API to Redis            | is slow    |
        | the consumers to Redis      | is closed  |
        | the consumers to Redis      | is reset   |
        | the consumers to Redis      | is slow    |
        | the consumers to PostgreSQL | is reset   |
        | the consumers to PostgreSQL | is refused |

  @cp_b10
  Rule: B10 Votes survive faults in any order

    Scenario: Faults drawn at random
      Given votes flow
      When faults drawn from the seed of this run come one after the other
      Then each fault took effect, and every vote is counted once
