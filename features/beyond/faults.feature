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
        | part       | what            |
        | the API    | is killed       |
        | the API    | is asked to end |
        | the API    | is frozen       |
        | consumer a | is killed       |
        | consumer a | is asked to end |
        | consumer a | is frozen       |
        | Redis      | is killed       |
        | Redis      | is asked to end |
        | Redis      | is frozen       |
        | PostgreSQL | is killed       |
        | PostgreSQL | is asked to end |
        | PostgreSQL | is frozen       |

      @thorough
      Examples:
        | part       | what            |
        | consumer b | is killed       |
        | consumer b | is asked to end |
        | consumer b | is frozen       |

  @cp_b4
  Rule: B4 Votes survive a Redis in trouble

    Scenario Outline: a Redis in trouble, <fault>
      Given votes flow
      When <fault>, and then it is over
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                           |
        | Redis is stalled                |
        | the group of Redis is destroyed |
        | the memory of Redis is full     |
        | the disk of Redis is full       |

  @cp_b5
  Rule: B5 Votes survive a PostgreSQL in trouble

    Scenario Outline: a PostgreSQL in trouble, <fault>
      Given votes flow
      When <fault>, and then it is over
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                                   |
        | PostgreSQL is restarted                 |
        | PostgreSQL ends all sessions            |
        | PostgreSQL's tables are locked for 20 s |
        | PostgreSQL is read-only                 |
        | PostgreSQL has no connection left       |

  @cp_b6
  Rule: B6 Votes survive a bad link

    Scenario Outline: a bad link, the link of the <link> <what>
      Given votes flow
      When the link of the <link> <what>, and then it is over
      Then the fault took effect, and every vote is counted once

      Examples:
        | link                    | what                    |
        | API to Redis            | is reset                |
        | API to Redis            | is refused              |
        | API to Redis            | swallows everything     |
        | API to Redis            | loses the replies       |
        | consumers to Redis      | is refused              |
        | consumers to Redis      | swallows everything     |
        | consumers to Redis      | loses the replies       |
        | consumers to Redis      | is reset behind a reply |
        | consumers to PostgreSQL | is cut                  |
        | consumers to PostgreSQL | swallows everything     |
        | consumers to PostgreSQL | is slow                 |
        | consumers to PostgreSQL | loses the replies       |

      @thorough
      Examples:
        | link                    | what                    |
        | API to Redis            | is cut                  |
        | API to Redis            | is slow                 |
        | consumers to Redis      | is cut                  |
        | consumers to Redis      | is reset                |
        | consumers to Redis      | is slow                 |
        | consumers to PostgreSQL | is reset                |
        | consumers to PostgreSQL | is refused              |

  @cp_b10
  Rule: B10 Votes survive faults in any order

    Scenario: Faults drawn at random
      Given votes flow
      When faults drawn from the seed of this run come one after the other
      Then each fault took effect, and every vote is counted once
