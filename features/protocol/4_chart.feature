@phase_4
Feature: The chart installs what was judged
  An operator changes values and trusts that they reach the pods, confined as promised and watched by probes that can turn red.

  @cp_4_1
  Rule: 4.1 Image tags and every consumer value come from values

    Scenario Outline: Each value under <values> is flipped
      When each value under <values> is flipped, one at a time
      Then every flip changes the render, and changes <kind>

      Examples:
        | values          | kind                     |
        | images.api      | Deployment voting-api    |
        | images.consumer | Deployment voting-consumer |
        | consumer        | Deployment voting-consumer |

    Scenario: A tag that is set is the tag that runs
      When the chart is rendered with the image tags "9.9.9-api" and "9.9.9-consumer"
      Then every container of ours runs one of them

  @cp_4_2
  Rule: 4.2 The consumer Deployment has the nine variables, secrets by reference and the pod's own name

    Scenario Outline: <variable>
      When the chart is rendered
      Then the consumer's <variable> comes from <source>

      Examples:
        | variable       | source              |
        | REDIS_URL      | a secret            |
        | DATABASE_URL   | a secret            |
        | STREAM_NAME    | the value           |
        | CONSUMER_GROUP | the value           |
        | CONSUMER_NAME  | field metadata.name |
        | BATCH_SIZE     | the value           |
        | BLOCK_MS       | the value           |
        | MAX_RETRIES    | the value           |
        | LOG_LEVEL      | the value           |

  @cp_4_3
  Rule: 4.3 Every pod keeps Pod Security restricted plus a read-only root, with the images' UIDs

    Scenario Outline: Every container of <values file>
      When the chart is rendered with <values file>
      Then every container is confined, and ours run as the users of their images

      Examples:
        | values file                |
        | default-values.yaml        |
        | minikube-values.yaml       |
        | production-values.yaml     |
        | external-data-values.yaml  |

    Scenario: The namespaces
      When the chart is rendered
      Then each of the four namespaces enforces restricted

  @cp_4_4
  Rule: 4.4 Probes are declared for each workload, differ from one another, and are true

    Scenario: Every lasting workload declares three different probes
      When the chart is rendered
      Then every lasting workload declares a startup, a readiness and a liveness probe that differ

    Scenario: The consumer's liveness asks its heartbeat
      When the chart is rendered
      Then the consumer's liveness probe runs python -m system.consumer.beat

    @needs_local
    Scenario: Green when idle, red when the loop hangs
      Given a consumer that was idle, then frozen, then let go on
      Then its heartbeat was green while it was idle
      And red within 35 seconds of its freezing, and green again once it went on

  @cp_4_5
  Rule: 4.5 The chart is valid

    Scenario: Lint
      When the chart is linted with every shipped values file
      Then there is no message of the linter

    Scenario: A misspelt value is refused, at every level
      When a misspelt key is added at every level of the values
      Then each is refused by the schema

    Scenario Outline: <values file> against three versions of Kubernetes
      When the chart is rendered with <values file>
      Then every object is valid for 3 versions of Kubernetes

      Examples:
        | values file                |
        | default-values.yaml        |
        | minikube-values.yaml       |
        | production-values.yaml     |
        | external-data-values.yaml  |
