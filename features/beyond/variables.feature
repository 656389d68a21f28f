@phase_0
Feature: Variables
  An operator changes a value and relies on its effect, not on its being accepted. So each variable is away from its default here, in the
  company of all others, and votes go the whole way from a client to the live results.

  @cp_b23
  Rule: B23 Every variable has its effect away from its default

    Scenario Outline: Set <set>: in eight sets every two variables meet, each at its default and away from it
      Given set <set> of these values
        | variable                           | what is observed                                                                       | 1                                                                 | 2                                          | 3                                                                                  | 4                       | 5                                          | 6                                          | 7                                      | 8               |
        | REDIS_URL                          | votes are in this database of Redis, and in no other                                   | (another)                                                         | (another)                                  | (another)                                                                          | (another)               | (another)                                  | (another)                                  | (another)                              | (another)       |
        | DATABASE_URL                       | every vote is counted there                                                            | (own)                                                             | (own)                                      | (own)                                                                              | (own)                   | (own)                                      | (own)                                      | (own)                                  | (own)           |
        | API_PORT                           | the API listens there                                                                  | (free)                                                            | (free)                                     | (free)                                                                             | (free)                  | (free)                                     | (free)                                     | (free)                                 | (free)          |
        | HEARTBEAT_FILE                     | the loop writes this file, and the probe reads it                                      | (own)                                                             | (own)                                      | (own)                                                                              | (own)                   | (own)                                      | (own)                                      | (own)                                  | (own)           |
        | VOTE_OPTIONS                       | each option is accepted, counted and shown in its place, and nothing else is an option | red,orange,yellow,green,blue,indigo,violet                        | -                                          | 1,2-b,c_3,d,e,f,g,hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh | yes                     | red,orange,yellow,green,blue,indigo,violet | -                                          | -                                      | -               |
        | LOG_LEVEL                          | both logs hold every line of their level and above, and none below                     | WARNING                                                           | DEBUG                                      | -                                                                                  | ERROR                   | -                                          | -                                          | -                                      | CRITICAL        |
        | API_HOST                           | the API listens at these addresses and no other                                        | ::                                                                | -                                          | 127.0.0.2                                                                          | -                       | -                                          | ::                                         | -                                      | 127.0.0.2       |
        | API_WORKERS                        | as many processes serve requests                                                       | 2                                                                 | -                                          | -                                                                                  | 2                       | -                                          | -                                          | 2                                      | 2               |
        | API_KEEP_ALIVE                     | an idle connection stays open as long                                                  | 2                                                                 | -                                          | 3                                                                                  | -                       | 2                                          | -                                          | 3                                      | -               |
        | ENVIRONMENT                        | every response has HSTS, and the description is hidden, only in production             | production                                                        | -                                          | production                                                                         | production              | -                                          | -                                          | -                                      | production      |
        | CORS_ORIGINS                       | every response allows exactly these origins                                            | https://one.example,http://two.example:8080,https://[2001:db8::5] | https://solo.example,http://127.0.0.1:3000 | https://one.example,http://two.example:8080,https://[2001:db8::5]                  | -                       | -                                          | https://solo.example,http://127.0.0.1:3000 | -                                      | -               |
        | IDEMPOTENCY_TTL                    | a key is remembered as long, and repetitions do not renew it                           | 2                                                                 | 604800                                     | -                                                                                  | -                       | 3                                          | 86400                                      | -                                      | -               |
        | ALLOW_REVOTE                       | only a page that allows it offers to vote again                                        | yes                                                               | yes                                        | yes                                                                                | -                       | yes                                        | -                                          | -                                      | -               |
        | REDIS_DURABILITY                   | a Redis that may lose votes is refused, unless its settings are assumed                | assumed                                                           | assumed                                    | assumed                                                                            | assumed                 | -                                          | -                                          | -                                      | -               |
        | RATE_LIMIT                         | each client has a limit of its own, whichever process serves it                        | 3/hour                                                            | -                                          | -                                                                                  | -                       | -                                          | 5/day                                      | 4/minute                               | 3/hour          |
        | RATE_LIMIT_IPV6_PREFIX             | addresses with one prefix are one client                                               | 48                                                                | -                                          | -                                                                                  | -                       | 56                                         | -                                          | 128                                    | 33              |
        | TRUSTED_PROXIES                    | a client behind these proxies is found, and nobody else is believed                    | 127.9.0.0/16,10.0.0.0/8                                           | -                                          | 127.9.0.1,127.9.0.2,2001:db8:ffff::/48                                             | 127.9.0.0/16,10.0.0.0/8 | -                                          | -                                          | 127.9.0.1,127.9.0.2,2001:db8:ffff::/48 | -               |
        | STREAM_NAME                        | the consumer reads this stream and no other                                            | referendum:2026                                                   | Stimmen                                    | -                                                                                  | referendum:2026         | -                                          | -                                          | Stimmen                                | -               |
        | CONSUMER_GROUP                     | it reads in this group                                                                 | tally                                                             | vote-processors:2                          | -                                                                                  | tally                   | -                                          | vote-processors:2                          | -                                      | -               |
        | CONSUMER_NAME                      | it reads under this name                                                               | counter-1                                                         | -                                          | -                                                                                  | votecheck/0             | counter-1                                  | votecheck/0                                | -                                      | -               |
        | BATCH_SIZE                         | it counts at most as many at a time                                                    | 7                                                                 | -                                          | -                                                                                  | -                       | 1                                          | 3                                          | -                                      | 10000           |
        | BLOCK_MS                           | it waits as long for new entries                                                       | 100                                                               | -                                          | -                                                                                  | 400                     | 250                                        | -                                          | -                                      | 150             |
        | MAX_RETRIES                        | a vote that the database rejects is tried as often                                     | 5                                                                 | -                                          | -                                                                                  | -                       | 1                                          | 2                                          | 7                                      | -               |
        | CLAIM_IDLE_MS                      | entries of another consumer are claimed after as long                                  | 300                                                               | 7200000                                    | -                                                                                  | -                       | -                                          | 86400000                                   | 1000                                   | -               |
        | METRICS_PORT                       | its metrics are served there, or nowhere                                               | (free)                                                            | (free)                                     | (free)                                                                             | -                       | -                                          | -                                          | -                                      | (free)          |
        | OTEL_EXPORTER_OTLP_ENDPOINT        | spans are sent below this address                                                      | (collector)                                                       | (collector)                                | (collector)                                                                        | -                       | -                                          | -                                          | (collector)                            | -               |
        | OTEL_EXPORTER_OTLP_TRACES_ENDPOINT | spans are sent to this address instead                                                 | (collector)/own                                                   | (collector)/own                            | -                                                                                  | -                       | (collector)/own                            | -                                          | -                                      | (collector)/own |
        | OTEL_SDK_DISABLED                  | no span is sent, and no entry names a trace                                            | true                                                              | -                                          | -                                                                                  | true                    | -                                          | true                                       | true                                   | -               |
        | OTEL_TRACES_SAMPLER                | this sampler decides which votes are traced                                            | always_off                                                        | traceidratio                               | -                                                                                  | -                       | parentbased_traceidratio                   | -                                          | always_on                              | -               |
        | OTEL_TRACES_SAMPLER_ARG            | it traces this share of the votes                                                      | 0.25                                                              | 0.5                                        | -                                                                                  | 0.5                     | 0                                          | -                                          | -                                      | -               |
      Then each documented variable has a row in the table, and a value in set 1
      When an API is started with them
      Then the API listens there
      And the API listens at these addresses and no other
      And as many processes serve requests
      And every response has HSTS, and the description is hidden, only in production
      And each client has a limit of its own, whichever process serves it
      And addresses with one prefix are one client
      And a client behind these proxies is found, and nobody else is believed
      And every response allows exactly these origins
      And a Redis that may lose votes is refused, unless its settings are assumed
      When votes are cast one after the other and all at once
      Then each of them gets the answer to its own request
      And spans are sent below this address
      And spans are sent to this address instead
      And no span is sent, and no entry names a trace
      And this sampler decides which votes are traced
      And it traces this share of the votes
      And votes are in this database of Redis, and in no other
      When a consumer is started with them on the votes of a consumer that died
      Then the consumer reads this stream and no other
      And it reads in this group
      And it reads under this name
      And it counts at most as many at a time
      And it waits as long for new entries
      And entries of another consumer are claimed after as long
      And every vote is counted there
      And its metrics are served there, or nowhere
      And each option is accepted, counted and shown in its place, and nothing else is an option
      And a vote that the database rejects is tried as often
      And the live results change again when another vote is counted
      And the page offers the options in this order, votes once for the one that is chosen, and shows the results
      And only a page that allows it offers to vote again
      And the loop writes this file, and the probe reads it
      And a key is remembered as long, and repetitions do not renew it
      And an idle connection stays open as long
      And both logs hold every line of their level and above, and none below

      Examples: Everything away from its default, and half of it
        | set |
        | 1   |
        | 2   |

      @thorough
      Examples: Every other pair
        | set |
        | 3   |
        | 4   |
        | 5   |
        | 6   |
        | 7   |
        | 8   |

    Scenario: Values that cannot work are refused
      When an API is started with each of these values
        | variable       | value                    |
        | VOTE_OPTIONS   | cats,Dogs                |
        | VOTE_OPTIONS   | cats,two words           |
        | CORS_ORIGINS   | https://one.example,*    |
        | OTEL_EXPORTER_OTLP_ENDPOINT | collector:4318 |
        | OTEL_EXPORTER_OTLP_TRACES_ENDPOINT | http://user:secret@collector:4318/v1/traces |
        | OTEL_SDK_DISABLED | yes |
        | OTEL_TRACES_SAMPLER | sometimes |
        | OTEL_TRACES_SAMPLER_ARG | 1.5 |
        | REDIS_URL | http://:secret@127.0.0.1/0 |
        | DATABASE_URL | mysql://u:secret@127.0.0.1/votes |
        | LOG_LEVEL | LOUD |
        | API_HOST | vote..example |
        | API_PORT | 70000 |
        | API_WORKERS | 0 |
        | API_KEEP_ALIVE | soon |
        | ENVIRONMENT | staging |
        | IDEMPOTENCY_TTL | 0 |
        | ALLOW_REVOTE | maybe |
        | REDIS_DURABILITY | unknown |
        | RATE_LIMIT | 10/week |
        | RATE_LIMIT_IPV6_PREFIX | 129 |
        | TRUSTED_PROXIES | proxy.example |
      Then each documented variable of the API is among them
      And each time it exits with code 2 and one line that names the variable and no secret
