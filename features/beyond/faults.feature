@phase_0
Feature: Votes survive faults
  Voters vote all the time, each vote with its own key, and repeat a vote until it gets a response. Then a fault strikes. A fault that
  had no visible effect proves nothing, and neither does a watcher that stopped watching.

  @cp_b3 @background_faults
  Rule: B3 Votes survive the loss of any process

    Scenario Outline: A process fails: <fault>
      Given votes flow
      When <fault>, and then everything is restored
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                    |
        | the API is killed        |
        | the API is shut down     |
        | the API is frozen        |
        | consumer a is killed     |
        | consumer a is shut down  |
        | consumer a is frozen     |
        | Redis is killed          |
        | Redis is shut down       |
        | Redis is frozen          |
        | PostgreSQL is killed     |
        | PostgreSQL is shut down  |
        | PostgreSQL is frozen     |

      @thorough
      Examples:
        | fault                    |
        | consumer b is killed     |
        | consumer b is shut down  |
        | consumer b is frozen     |

  @cp_b4 @background_faults
  Rule: B4 Votes survive Redis faults

    Scenario Outline: Redis fails: <fault>
      Given votes flow
      When <fault>, and then everything is restored
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                           |
        | Redis is stalled                |
        | the consumer group is destroyed |
        | Redis is out of memory        |
        | Redis is out of disk space      |

  @cp_b5 @background_faults
  Rule: B5 Votes survive PostgreSQL faults

    Scenario Outline: PostgreSQL fails: <fault>
      Given votes flow
      When <fault>, and then everything is restored
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                                   |
        | PostgreSQL is restarted                 |
        | PostgreSQL terminates all sessions      |
        | the PostgreSQL tables are locked for 20 s |
        | PostgreSQL is read-only                 |
        | PostgreSQL has no free connection      |

  @cp_b6 @background_faults
  Rule: B6 Votes survive network faults

    Scenario Outline: The network fails: <fault>
      Given votes flow
      When <fault>, and then everything is restored
      Then the fault took effect, and every vote is counted once

      Examples:
        | fault                                                             |
        | the connection from the API to Redis is reset                       |
        | the connection from the API to Redis is refused                     |
        | the connection from the API to Redis drops all traffic                    |
        | the connection from the API to Redis drops replies              |
        | the connection from the consumers to Redis is refused               |
        | the connection from the consumers to Redis drops all traffic              |
        | the connection from the consumers to Redis drops replies        |
        | the connection from the consumers to Redis is reset right after a reply   |
        | the connection from the consumers to PostgreSQL is closed              |
        | the connection from the consumers to PostgreSQL drops all traffic         |
        | the connection from the consumers to PostgreSQL is slow             |
        | the connection from the consumers to PostgreSQL drops replies   |

      @thorough
      Examples:
        | fault                                                             |
        | the connection from the API to Redis is closed                         |
        | the connection from the API to Redis is slow                        |
        | the connection from the consumers to Redis is closed                   |
        | the connection from the consumers to Redis is reset                 |
        | the connection from the consumers to Redis is slow                  |
        | the connection from the consumers to PostgreSQL is reset            |
        | the connection from the consumers to PostgreSQL is refused          |

  @cp_b10 @background_faults
  Rule: B10 Votes survive random faults

    Scenario: Faults drawn at random
      Given votes flow
      When random faults from the seed of this run strike one after another
      Then each fault took effect, and every vote is counted once
