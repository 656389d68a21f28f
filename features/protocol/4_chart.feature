@phase_4
Feature: The chart installs what was validated
  Operators change values and trust that these reach the pods, that the pods run without privileges, and that their probes work.

  @cp_4_1
  Rule: 4.1 Every value changes what it should and nothing else

    Scenario: Each value on its own
      When each value of the chart is changed on its own
      Then each changes what it should and nothing else
        | values                             | what changes: whole objects, or a path in them |
        | namespaces.create                  | Namespace voting-* |
        | namespaces.prefix                  | * * |
        | images.pullPolicy                  | Deployment voting-api, Deployment voting-consumer, Job voting-migrate, Pod voting-test, StatefulSet redis, StatefulSet postgres: imagePullPolicy |
        | images.pullSecrets                 | Deployment voting-api, Deployment voting-consumer, Job voting-migrate, Pod voting-test, StatefulSet redis, StatefulSet postgres: imagePullSecrets |
        | images.api.*                       | Deployment voting-api, Pod voting-test: image |
        | images.consumer.*                  | Deployment voting-consumer, Job voting-migrate: image |
        | images.redis.*                     | StatefulSet redis: image |
        | images.postgres.*                  | StatefulSet postgres: image |
        | pods.fixedIds                      | Deployment voting-api, Deployment voting-consumer, Job voting-migrate, Pod voting-test, StatefulSet redis, StatefulSet postgres: securityContext |
        | voteOptions                        | Deployment voting-api, Deployment voting-consumer: env.VOTE_OPTIONS.value |
        | secrets.existingSecret             | Secret voting-secrets; Deployment voting-api, Deployment voting-consumer, Job voting-migrate, StatefulSet redis, StatefulSet postgres: secretKeyRef.name |
        | secrets.version                    | Deployment voting-api, Deployment voting-consumer: voting/secret-version; StatefulSet redis: spec.template.metadata.annotations |
        | secrets.reloader                   | Deployment voting-api, Deployment voting-consumer: secret.reloader.stakater.com/reload; StatefulSet redis: metadata.annotations |
        | api.replicas                       | Deployment voting-api: spec.replicas |
        | api.environment                    | Deployment voting-api: env.ENVIRONMENT.value |
        | api.corsOrigins                    | Deployment voting-api: env.CORS_ORIGINS.value |
        | api.rateLimit                      | Deployment voting-api: env.RATE_LIMIT.value |
        | api.trustedProxies                 | Deployment voting-api: env.TRUSTED_PROXIES.value |
        | api.rateLimitIpv6Prefix            | Deployment voting-api: env.RATE_LIMIT_IPV6_PREFIX.value |
        | api.keepAlive                      | Deployment voting-api: env.API_KEEP_ALIVE.value |
        | api.idempotencyTtl                 | Deployment voting-api: env.IDEMPOTENCY_TTL.value |
        | api.allowRevote                    | Deployment voting-api: env.ALLOW_REVOTE.value |
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
        | consumer.streamName                | refused |
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
        | redis.durability                   | Deployment voting-api: env.REDIS_DURABILITY.value |
        | redis.maxmemory                    | StatefulSet redis: args |
        | redis.storage.size                 | StatefulSet redis: spec.volumeClaimTemplates.0.spec.resources.requests.storage |
        | redis.storage.className            | StatefulSet redis: spec.volumeClaimTemplates.0.spec.storageClassName |
        | redis.resources.requests.*         | StatefulSet redis: spec.template.spec.containers.redis.resources.requests |
        | redis.resources.limits.*           | StatefulSet redis: spec.template.spec.containers.redis.resources.limits |
        | postgres.url                       | StatefulSet postgres, Service postgres; Deployment voting-api, Deployment voting-consumer: checksum/urls; NetworkPolicy allow-api, NetworkPolicy allow-consumer: spec.egress |
        | postgres.maxConnections            | StatefulSet postgres: spec.template.spec.containers.postgres.args |
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
        | monitoring.runbookUrl              | PrometheusRule voting: runbook_url |
        | monitoring.prometheusNamespace     | NetworkPolicy allow-api, NetworkPolicy allow-consumer: spec.ingress |
        | tracing.endpoint                   | Deployment voting-api, Deployment voting-consumer: env.OTEL_EXPORTER_OTLP_ENDPOINT; Deployment voting-api, Deployment voting-consumer: env.OTEL_TRACES_SAMPLER; Deployment voting-api, Deployment voting-consumer: env.OTEL_TRACES_SAMPLER_ARG |
        | tracing.sampleRatio                | Deployment voting-api, Deployment voting-consumer: env.OTEL_TRACES_SAMPLER_ARG |

      And each object that changes states the new value, every item of it in order
        | values       | because                                                                        |
        | redis.url    | a Secret has it; the pods restart, and the policies open its port              |
        | postgres.url | a Secret has it; the pods restart, and the policies open its port              |

    Scenario: The shipped values files cover every branch of the templates
      When the templates record their branches while every shipped values file is rendered
      Then every branch was taken and not taken, except impossible ones
        | template     | branch                             | because                                |
        | secrets.yaml | not range $key, $value := $content | each of the three Secrets has some key |

    Scenario Outline: Images of the values: <tag> and <digest>
      When the chart is rendered with <tag> and <digest> of each image
      Then every container runs its image <reference>

      Examples:
        | tag       | digest    | reference                 |
        | a tag     | no digest | of this tag               |
        | a tag     | a digest  | of this digest            |
        | no tag    | no digest | of the chart's appVersion |
        | no tag    | a digest  | of this digest            |

  @cp_4_2
  Rule: 4.2 Pods get the right variables, and secrets only by reference

    Scenario Outline: The consumer's <variable>
      When the chart is rendered
      Then the consumer's <variable> comes from <source>

      Examples:
        | variable       | source              |
        | REDIS_URL      | a Secret            |
        | DATABASE_URL   | a Secret            |
        | STREAM_NAME    | a plain value       |
        | CONSUMER_GROUP | a plain value       |
        | CONSUMER_NAME  | the pod's name      |
        | BATCH_SIZE     | a plain value       |
        | BLOCK_MS       | a plain value       |
        | MAX_RETRIES    | a plain value       |
        | LOG_LEVEL      | a plain value       |

    Scenario Outline: No secret is a plain value in <values file>
      When the chart is rendered with <values file>
      Then no container has a secret as a plain value

      Examples:
        | values file                |
        | default-values.yaml        |
        | minikube-values.yaml       |
        | production-values.yaml     |
        | external-data-values.yaml  |
        | openshift-values.yaml      |
        | platform-values.yaml       |
        | gitops-values.yaml         |

    Scenario Outline: Programs read every variable and listen on every port of <values file>
      When the chart is rendered with <values file>
      Then each variable of a container is one that its program reads
      And each port of a container is one that its program listens on

      Examples:
        | values file                |
        | default-values.yaml        |
        | production-values.yaml     |
        | external-data-values.yaml  |

    Scenario: PostgreSQL is created with the user and database of its clients
      When the chart is rendered
      Then PostgreSQL is created with the user and the database in the URLs

    Scenario: An upgrade keeps the passwords of the existing volumes
      When the chart is rendered for a cluster that already has passwords
      Then every Secret has the existing passwords, and they survive an uninstallation

  @cp_4_3
  Rule: 4.3 Pods meet Pod Security restricted with a read-only root

    Scenario Outline: The security context of every container, with <values file>
      When the chart is rendered with <values file>
      Then every container is confined, and the two images run as their own users

      Examples:
        | values file                |
        | default-values.yaml        |
        | minikube-values.yaml       |
        | production-values.yaml     |
        | external-data-values.yaml  |
        | platform-values.yaml       |
        | gitops-values.yaml         |

    Scenario: Each container has the writable folders that it needs
      When the chart is rendered
      Then each container can write to these folders and no other
        | container | folders; (kept): outlives the pod                                   |
        | api       | /tmp                                                                |
        | consumer  | /tmp                                                                |
        | migrate   | /tmp                                                                |
        | vote      | none                                                                |
        | redis     | /data (kept), /tmp                                                  |
        | postgres  | /var/lib/postgresql/data (kept), /var/run/postgresql, /tmp          |

    Scenario: The Pod Security level of the namespaces
      When the chart is rendered
      Then each of the four namespaces enforces restricted

  @cp_4_4
  Rule: 4.4 Probes detect hung processes and spare idle ones

    Scenario: Every long-running workload declares three different probes
      When the chart is rendered
      Then every long-running workload declares different startup, readiness and liveness probes

    Scenario: Probes allow enough time, and no more
      When the chart is rendered
      Then the probes and the grace period of each container allow these seconds
        | container | to start, at least | until not ready, at most | of failures survived, at least | until a restart, at most | to shut down, at least |
        | api       | 60                 | 15                       | 15                             | 50                       | 30                     |
        | consumer  | 60                 | 25                       | 15                             | 50                       | 30                     |
        | redis     | 120                | 15                       | 45                             | 90                       | 60                     |
        | postgres  | 120                | 15                       | 45                             | 90                       | 60                     |
      And the timeout of each probe is longer than a correct response may take

    Scenario: The consumer's readiness probe checks both servers
      When the chart is rendered
      Then the consumer's readiness probe is green with both servers and red without either

    @needs_local
    Scenario: The API serves the paths of its probes
      When the chart is rendered
      And an API is started
      Then each path in the API's probes responds 200

    @needs_local
    Scenario: The chart's test waits until its vote is counted
      When the chart is rendered
      And the program of its test pod runs while no vote is counted
      Then it waits, and succeeds once its vote is counted

    Scenario: The chart's test fails without an API
      When the chart is rendered
      Then the program of its test pod fails without an API and reports the request

    Scenario: The grace period covers preStop and shutdown
      When the chart is rendered
      Then the grace period of every pod with a preStop hook covers the hook and the shutdown

    Scenario: The consumer's liveness probe checks its heartbeat
      When the chart is rendered
      Then the consumer's liveness probe runs python -m system.consumer.heartbeat

    @needs_local @background_heartbeat
    Scenario: Green while idle, red while the loop hangs
      Given a consumer that was idle, then frozen, then resumed
      Then its heartbeat was green while it was idle
      And so was that of a consumer that waits a minute for new entries
      And it was red within 35 seconds of freezing, and green again after resuming

  @cp_4_5
  Rule: 4.5 The chart renders valid objects and keeps votes

    Scenario: Lint
      When the chart is linted with every shipped values file
      Then the linter reports nothing
      And every shipped values file is an example of each of these outlines
        | outline                                                              |
        | No secret is a plain value in <values file>                          |
        | The objects of <values file> are valid for three Kubernetes versions |
        | Kubernetes knows every enumerated value of <values file>             |
        | Every reference between objects of <values file> resolves            |

    Scenario: A misspelled value is rejected at every level
      When a misspelled key is added at every level of the values
      Then the schema rejects each of them

    Scenario: Votes outlive the pods of Redis and PostgreSQL
      When the chart is rendered
      Then Redis and PostgreSQL keep their data on volumes that outlive their pods

    Scenario: The memory that the default values request
      When the chart is rendered
      Then its pods request at most 2 GiB of memory, while those that are replaced still run beside the migration and the test

    Scenario: Hooks run at the right time and are deleted
      When the chart is rendered
      Then each hook runs at the right time, has a deadline and is deleted
        | hook               | hook events              | deletion policy                     | deadline in s, at least  | at most |
        | Job voting-migrate | post-install,pre-upgrade,post-upgrade | before-hook-creation,hook-succeeded | 300                      | 900     |
        | Pod voting-test    | test                     | before-hook-creation                | 60                       | 300     |
      And the test pod runs a Python program with the address of the API's Service

    Scenario Outline: Voters are served while pods are replaced, with <values file>
      When the chart is rendered with <values file>
      Then a drain takes at most one pod of each part at a time, and a rollout no API pod before another is ready

      Examples:
        | values file                |
        | default-values.yaml        |
        | production-values.yaml     |

    Scenario: Redis is configured to keep every vote
      When the chart is rendered with production-values.yaml
      Then Redis is configured to persist every write and to evict nothing

    Scenario Outline: The objects of <values file> are valid for three Kubernetes versions
      When the chart is rendered with <values file>
      Then each of at least <fewest> objects is valid for 3 Kubernetes versions

      Examples:
        | values file                | fewest |
        | default-values.yaml        | 15     |
        | minikube-values.yaml       | 15     |
        | production-values.yaml     | 15     |
        | external-data-values.yaml  | 15     |
        | platform-values.yaml       | 10     |
        | gitops-values.yaml         | 15     |
        | openshift-values.yaml      | 15     |

    Scenario Outline: Kubernetes knows every enumerated value of <values file>
      When the chart is rendered with <values file>
      Then each of at least <fewest> enumerated values is one that Kubernetes knows

      Examples:
        | values file                | fewest |
        | default-values.yaml        | 80     |
        | minikube-values.yaml       | 80     |
        | production-values.yaml     | 80     |
        | external-data-values.yaml  | 50     |
        | platform-values.yaml       | 30     |
        | gitops-values.yaml         | 80     |
        | openshift-values.yaml      | 80     |

    Scenario Outline: The custom resources of <values file> are valid
      When the chart is rendered with <values file>
      Then each of at least <fewest> custom resources is one that its project accepts

      Examples:
        | values file                | fewest |
        | production-values.yaml     | 6      |
        | external-data-values.yaml  | 4      |
        | platform-values.yaml       | 2      |

    Scenario: The alerts of production-values.yaml
      When the chart is rendered with production-values.yaml
      Then its alerts are the documented ones, each limited to the namespaces of the release
      And each alert links to its own section of the runbooks

    Scenario Outline: Every reference between objects of <values file> resolves
      When the chart is rendered with <values file>
      Then each of at least <fewest> references in <values file> resolves

      Examples:
        | values file                | fewest |
        | default-values.yaml        | 35     |
        | minikube-values.yaml       | 35     |
        | production-values.yaml     | 45     |
        | external-data-values.yaml  | 20     |
        | platform-values.yaml       | 20     |
        | gitops-values.yaml         | 20     |
        | openshift-values.yaml      | 35     |

    Scenario: The schema rejects every value that breaks one of its rules
      When each rule of the schema is broken, wherever it applies
      Then every invalid value is rejected where a valid one is accepted
