@phase_4
Feature: The chart installs what was judged
  An operator changes values and trusts that they reach the pods, confined as promised and watched by probes that can turn red.

  @cp_4_1
  Rule: 4.1 Image tags and every other value come from values, and change what they should and nothing else

    Scenario: Each value is flipped
      When each value of the chart is flipped, one at a time
      Then each changes what it should, and nothing else
        | values                             | what changes: whole objects, or a place in them |
        | namespaces.create                  | Namespace voting-* |
        | namespaces.prefix                  | * * |
        | images.pullPolicy                  | Deployment voting-api, Deployment voting-consumer, Job voting-migrate, Pod voting-test, StatefulSet redis, StatefulSet postgres: imagePullPolicy |
        | images.pullSecrets                 | Deployment voting-api, Deployment voting-consumer, Job voting-migrate, Pod voting-test, StatefulSet redis, StatefulSet postgres: imagePullSecrets |
        | images.api.*                       | Deployment voting-api, Pod voting-test: image |
        | images.consumer.*                  | Deployment voting-consumer, Job voting-migrate: image |
        | images.redis.*                     | StatefulSet redis: image |
        | images.postgres.*                  | StatefulSet postgres: image |
        | voteOptions                        | Deployment voting-api, Deployment voting-consumer: env.VOTE_OPTIONS.value |
        | secrets.existingSecret             | Secret voting-secrets; Deployment voting-api, Deployment voting-consumer, Job voting-migrate, StatefulSet redis, StatefulSet postgres: secretKeyRef.name |
        | api.replicas                       | Deployment voting-api: spec.replicas |
        | api.environment                    | Deployment voting-api: env.ENVIRONMENT.value |
        | api.corsOrigins                    | Deployment voting-api: env.CORS_ORIGINS.value |
        | api.rateLimit                      | Deployment voting-api: env.RATE_LIMIT.value |
        | api.trustedProxies                 | Deployment voting-api: env.TRUSTED_PROXIES.value |
        | api.idempotencyTtl                 | Deployment voting-api: env.IDEMPOTENCY_TTL.value |
        | api.logLevel                       | Deployment voting-api: env.LOG_LEVEL.value |
        | api.service.type                   | Service voting-api: spec.type |
        | api.resources.requests.*           | Deployment voting-api, Pod voting-test: resources.requests |
        | api.resources.limits.*             | Deployment voting-api, Pod voting-test: resources.limits |
        | api.autoscaling.enabled            | HorizontalPodAutoscaler voting-api; Deployment voting-api: spec.replicas |
        | api.autoscaling.minReplicas        | HorizontalPodAutoscaler voting-api: spec.minReplicas |
        | api.autoscaling.maxReplicas        | HorizontalPodAutoscaler voting-api: spec.maxReplicas |
        | api.autoscaling.cpuPercent         | HorizontalPodAutoscaler voting-api: averageUtilization |
        | api.ingress.enabled                | Ingress voting-api |
        | api.ingress.className              | Ingress voting-api: spec.ingressClassName |
        | api.ingress.annotations*           | Ingress voting-api: metadata.annotations |
        | api.ingress.host                   | Ingress voting-api: spec.rules |
        | api.ingress.tlsSecret              | Ingress voting-api: spec.tls |
        | api.httpRoute.enabled              | HTTPRoute voting-api |
        | api.httpRoute.gateway.name         | HTTPRoute voting-api: spec.parentRefs |
        | api.httpRoute.gateway.namespace    | HTTPRoute voting-api: spec.parentRefs.gateway.namespace |
        | api.httpRoute.host                 | HTTPRoute voting-api: spec.hostnames |
        | consumer.replicas                  | Deployment voting-consumer: spec.replicas |
        | consumer.streamName                | Deployment voting-consumer: env.STREAM_NAME.value |
        | consumer.consumerGroup             | Deployment voting-consumer: env.CONSUMER_GROUP.value |
        | consumer.batchSize                 | Deployment voting-consumer: env.BATCH_SIZE.value |
        | consumer.blockMs                   | Deployment voting-consumer: env.BLOCK_MS.value |
        | consumer.maxRetries                | Deployment voting-consumer: env.MAX_RETRIES.value |
        | consumer.logLevel                  | Deployment voting-consumer: env.LOG_LEVEL.value |
        | consumer.resources.requests.*      | Deployment voting-consumer, Job voting-migrate: resources.requests |
        | consumer.resources.limits.*        | Deployment voting-consumer, Job voting-migrate: resources.limits |
        | consumer.keda.enabled              | ScaledObject voting-consumer, TriggerAuthentication voting-consumer; Deployment voting-consumer: spec.replicas; NetworkPolicy allow-data: spec.ingress |
        | consumer.keda.maxReplicas          | ScaledObject voting-consumer: spec.maxReplicaCount |
        | consumer.keda.lag                  | ScaledObject voting-consumer: metadata.lagCount |
        | consumer.keda.pending              | ScaledObject voting-consumer: metadata.pendingEntriesCount |
        | consumer.keda.operatorNamespace    | NetworkPolicy allow-data: spec.ingress |
        | redis.url                          | StatefulSet redis, Service redis; Deployment voting-api, Deployment voting-consumer: checksum/urls; NetworkPolicy allow-api, NetworkPolicy allow-consumer: spec.egress |
        | redis.maxmemory                    | StatefulSet redis: args |
        | redis.storage.size                 | StatefulSet redis: spec.volumeClaimTemplates.0.spec.resources.requests.storage |
        | redis.storage.className            | StatefulSet redis: spec.volumeClaimTemplates.0.spec.storageClassName |
        | redis.resources.requests.*         | StatefulSet redis: spec.template.spec.containers.redis.resources.requests |
        | redis.resources.limits.*           | StatefulSet redis: spec.template.spec.containers.redis.resources.limits |
        | postgres.url                       | StatefulSet postgres, Service postgres; Deployment voting-api, Deployment voting-consumer: checksum/urls; NetworkPolicy allow-api, NetworkPolicy allow-consumer: spec.egress |
        | postgres.storage.size              | StatefulSet postgres: spec.volumeClaimTemplates.0.spec.resources.requests.storage |
        | postgres.storage.className         | StatefulSet postgres: spec.volumeClaimTemplates.0.spec.storageClassName |
        | postgres.resources.requests.*      | StatefulSet postgres: spec.template.spec.containers.postgres.resources.requests |
        | postgres.resources.limits.*        | StatefulSet postgres: spec.template.spec.containers.postgres.resources.limits |
        | networkPolicies.enabled            | NetworkPolicy default-deny, NetworkPolicy allow-* |
        | networkPolicies.ingressControllers | NetworkPolicy allow-api, NetworkPolicy allow-frontend: spec.ingress |
        | networkPolicies.dns.peers          | NetworkPolicy allow-dns: spec.egress.0.to |
        | networkPolicies.dns.ports          | NetworkPolicy allow-dns: spec.egress.0.ports |
        | networkPolicies.externalData       | NetworkPolicy allow-api, NetworkPolicy allow-consumer: spec.egress |
        | monitoring.enabled                 | PodMonitor voting-api, PodMonitor voting-consumer; Deployment voting-consumer: env.METRICS_PORT; Deployment voting-consumer: containers.consumer.ports; NetworkPolicy allow-api, NetworkPolicy allow-consumer: spec.ingress; NetworkPolicy allow-consumer: spec.policyTypes |
        | monitoring.labels*                 | PodMonitor voting-api, PodMonitor voting-consumer, PrometheusRule voting: metadata.labels |
        | monitoring.alerts                  | PrometheusRule voting |
        | monitoring.prometheusNamespace     | NetworkPolicy allow-api, NetworkPolicy allow-consumer: spec.ingress |

    Scenario: Every branch of a template belongs to a shape that is shipped
      When the templates say where they have been, rendered with every shipped values file
      Then every branch was taken and not taken, save what cannot be
        | template     | way                                | because                                |
        | secrets.yaml | not range $key, $value := $content | each of the three Secrets has some key |

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

    Scenario Outline: No secret is a plain value in <values file>
      When the chart is rendered with <values file>
      Then no container has a secret as a plain value

      Examples:
        | values file                |
        | default-values.yaml        |
        | minikube-values.yaml       |
        | production-values.yaml     |
        | external-data-values.yaml  |
        | platform-values.yaml       |

    Scenario Outline: A variable that nobody reads sets nothing, in <values file>
      When the chart is rendered with <values file>
      Then each variable of a container is one that its program reads
      And each port of a container is one that its program is told to listen on, for everybody

      Examples:
        | values file                |
        | default-values.yaml        |
        | production-values.yaml     |
        | external-data-values.yaml  |

    Scenario: The server is made for those who come
      When the chart is rendered
      Then PostgreSQL is made with the user and the database that the URLs name

    Scenario: An upgrade keeps the passwords that the volumes were made with
      When the chart is rendered beside passwords that the cluster has kept
      Then every Secret has the passwords that were kept, and an uninstallation leaves them

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
        | platform-values.yaml       |

    Scenario: A read-only root leaves the folders that a program needs
      When the chart is rendered
      Then each container has these folders to write to, and no other
        | container | folders; what is kept outlives the pod                              |
        | api       | /tmp                                                                |
        | consumer  | /tmp                                                                |
        | migrate   | /tmp                                                                |
        | vote      | none                                                                |
        | redis     | /data (kept), /tmp                                                  |
        | postgres  | /var/lib/postgresql/data (kept), /var/run/postgresql, /tmp          |

    Scenario: The namespaces
      When the chart is rendered
      Then each of the four namespaces enforces restricted

  @cp_4_4
  Rule: 4.4 Probes are declared for each workload, differ from one another, and are true

    Scenario: Every lasting workload declares three different probes
      When the chart is rendered
      Then every lasting workload declares a startup, a readiness and a liveness probe that differ

    Scenario: A pod has time to start, to answer, to recover and to end, and one that cannot work gets no more
      When the chart is rendered
      Then the probes of each, and its time to end, leave these seconds
        | container | to start, at least | until it is taken out, at most | of wrong answers that it outlives, at least | until it is started anew, at most | to end, at least |
        | api       | 60                 | 15                             | 15                                          | 50                                | 30               |
        | consumer  | 60                 | 25                             | 15                                          | 50                                | 30               |
        | redis     | 120                | 15                             | 45                                          | 90                                | 60               |
        | postgres  | 120                | 15                             | 45                                          | 90                                | 60               |
      And each probe waits longer than the right answer may take

    Scenario: The consumer's readiness asks both servers
      When the chart is rendered
      Then the consumer's readiness is green with both servers, and red without either

    @needs_local
    Scenario: The API serves what its probes ask for
      When the chart is rendered
      And an API is started
      Then each path that the API's probes ask for is answered 200

    @needs_local
    Scenario: The chart's test tells whether votes are counted
      When the chart is rendered
      And its test pod's program runs while no vote is counted
      Then it waits, and ends well once its vote is counted

    Scenario: The chart's test tells that no API is there
      When the chart is rendered
      Then its test pod's program ends badly where no API is, and says what it asked

    Scenario: A pod that ends has time
      When the chart is rendered
      Then every pod that does something before it ends has time for that and for what it has in hand

    Scenario: The consumer's liveness asks its heartbeat
      When the chart is rendered
      Then the consumer's liveness probe runs python -m system.consumer.heartbeat

    @needs_local
    Scenario: Green when idle, red when the loop hangs
      Given a consumer that was idle, then frozen, then let go on
      Then its heartbeat was green while it was idle
      And red within 35 seconds of its freezing, and green again once it went on

  @cp_4_5
  Rule: 4.5 The chart is valid, and keeps what it is given

    Scenario: Lint
      When the chart is linted with every shipped values file
      Then there is no message of the linter

    Scenario: A misspelt value is refused, at every level
      When a misspelt key is added at every level of the values
      Then each is refused by the schema

    Scenario: Votes outlive the pods that keep them
      When the chart is rendered
      Then the folders in which Redis and PostgreSQL keep votes are on volumes that outlive their pods

    Scenario: What comes and goes by itself comes at its moment
      When the chart is rendered
      Then each hook comes at its moment, ends in time, and goes when it should
        | hook               | moments                  | goes                                | given up after, at least | at most |
        | Job voting-migrate | post-install,pre-upgrade | before-hook-creation,hook-succeeded | 300                      | 900     |
        | Pod voting-test    | test                     | before-hook-creation                | 60                       | 300     |
      And the test pod runs a program of Python's that is given the API's Service

    Scenario Outline: Voters are served while pods are replaced, with <values file>
      When the chart is rendered with <values file>
      Then neither a rollout nor a drain takes more than one pod of a part away at a time, and none of the API's before another is ready

      Examples:
        | values file                |
        | default-values.yaml        |
        | production-values.yaml     |

    Scenario: Redis promises what a vote was promised
      When the chart is rendered with production-values.yaml
      Then Redis is told to write each vote to disk and to evict nothing

    Scenario Outline: <values file> against three versions of Kubernetes
      When the chart is rendered with <values file>
      Then every one of at least <fewest> objects is valid for 3 versions of Kubernetes

      Examples:
        | values file                | fewest |
        | default-values.yaml        | 15     |
        | minikube-values.yaml       | 15     |
        | production-values.yaml     | 15     |
        | external-data-values.yaml  | 15     |
        | platform-values.yaml       | 10     |

    Scenario Outline: The words of <values file> are known
      When the chart is rendered with <values file>
      Then each of at least <fewest> words that a cluster chooses among is one that it knows

      Examples:
        | values file                | fewest |
        | default-values.yaml        | 80     |
        | minikube-values.yaml       | 80     |
        | production-values.yaml     | 80     |
        | external-data-values.yaml  | 50     |
        | platform-values.yaml       | 30     |

    Scenario Outline: What other projects take, with <values file>
      When the chart is rendered with <values file>
      Then each of at least <fewest> objects of other projects is what its project takes

      Examples:
        | values file                | fewest |
        | production-values.yaml     | 6      |
        | external-data-values.yaml  | 4      |
        | platform-values.yaml       | 2      |

    Scenario: The alerts of production-values.yaml
      When the chart is rendered with production-values.yaml
      Then its alerts are those that are promised, each held to the namespaces of the release

    Scenario Outline: What an object of <values file> names is there
      When the chart is rendered with <values file>
      Then each of at least <fewest> things that an object of <values file> names is there

      Examples:
        | values file                | fewest |
        | default-values.yaml        | 35     |
        | minikube-values.yaml       | 35     |
        | production-values.yaml     | 45     |
        | external-data-values.yaml  | 20     |
        | platform-values.yaml       | 20     |

    Scenario: A value that breaks a rule of the schema is refused, for each rule in each place
      When each rule of the schema is broken, in every place where it holds
      Then every wrong value is refused, where a right one is taken
