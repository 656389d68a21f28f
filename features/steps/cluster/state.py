"""Steps that compare an installation with its chart: as the API server stores it, and as its processes see it."""

from concurrent.futures import Future
from typing import Any

from pytest_bdd import given, parsers, then, when

from validation.core import protocol
from validation.core.collections import every
from validation.core.protocol import LAYERS
from validation.core.waiting import Waited, eventually
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import CONFINED, confinement, workloads
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.cluster import inside_pod
from validation.targets.cluster.access import to_dict
from validation.targets.cluster.inside_pod import PodInspection
from validation.targets.cluster.installation import LAYER_OF, Installation, is_ready
from validation.targets.cluster.liveness_trial import LivenessTrial

SETTLED_SECONDS = 30.0
ENFORCES = "pod-security.kubernetes.io/enforce"


@when(parsers.re(r"the pods of (?P<component>api|consumer|redis|postgres) are inspected"), target_fixture="inspected")
def pods_of(installed: Installation, component: str) -> list[tuple[Any, PodInspection]]:
    return [(pod, inside_pod.inspect(installed, component, pod)) for pod in installed.ready(component)]


@then("each was admitted as Pod Security restricted requires, with a read-only root and no token")
def admitted_confined(inspected: list[tuple[Any, PodInspection]], observe: Observe) -> None:
    with observe.together():
        observe("pods", expected="some", observed=len(inspected), holds=bool(inspected))
        for pod, _ in inspected:
            body = to_dict(pod)
            (workload,) = workloads([Manifest("the API server", "Pod", pod.metadata.name, pod.metadata.namespace, body)])
            for container in workload.containers:
                where = f"{pod.metadata.name}, {container.name}"
                observe(f"confinement of {where}, as admitted", expected=CONFINED, observed=confinement(workload, container))


@then(parsers.re(r"each process is the user (?P<user>\d+) without capabilities, and can write only to its own folders"))
def confined_inside(inspected: list[tuple[Any, PodInspection]], user: str, observe: Observe) -> None:
    expected = {"user": int(user), "group": int(user), "capabilities": 0, "seccomp": True, "no new privileges": True,
                "writes to /": False, "writes to /tmp": True, "token": False}  # fmt: skip
    with observe.together():
        for pod, inside in inspected:
            observe(f"confinement of {pod.metadata.name}", expected=expected, observed={
                "user": inside.user, "group": inside.group, "capabilities": inside.capabilities, "seccomp": inside.seccomp,
                "no new privileges": inside.no_new_privileges, "writes to /": inside.writes_root, "writes to /tmp": inside.writes_tmp,
                "token": inside.token,
            })  # fmt: skip


@given("two consumers of the installation, one idle and one with a frozen loop", target_fixture="liveness")
def idle_and_frozen(liveness_trial: Future[LivenessTrial]) -> LivenessTrial:
    return liveness_trial.result()


@then("the kubelet restarts the frozen one within the declared time")
def frozen_restarted(liveness: LivenessTrial, observe: Observe) -> None:
    seen = liveness.frozen
    restarts = f"{seen.value} restarts after {seen.seconds:.0f} s"
    observe(
        "frozen consumer", expected=f"restarted within {liveness.declared:.0f} s", observed=restarts, holds=seen.held, evidence=seen.story
    )


@then("it does not restart the idle one meanwhile")
def idle_not_restarted(liveness: LivenessTrial, observe: Observe) -> None:
    observe("restarts of the idle consumer", expected=0, observed=liveness.idle_restarts)


@when("the namespaces of the installation are read", target_fixture="namespaces")
def read_namespaces(installed: Installation) -> dict[str, dict[str, str]]:
    return installed.cluster.namespaces()


@then("there are four, each with the label of its layer and enforcing restricted")
def four_namespaces(installed: Installation, namespaces: dict[str, dict[str, str]], observe: Observe) -> None:
    with observe.together():
        for layer, label in LAYERS.items():
            labels = namespaces.get(installed.namespace(layer), {})
            actual = (labels.get("layer"), labels.get(ENFORCES))
            observe(f"layer and Pod Security of {installed.namespace(layer)}", expected=(label, "restricted"), observed=actual)


@when("all pods of the installation are read", target_fixture="every_pod")
def all_pods(installed: Installation) -> dict[str, list[Any]]:
    return {component: installed.pods(component) for component in LAYER_OF}


@then("each is ready, has requests and limits, and was never restarted")
def pods_are_healthy(every_pod: dict[str, list[Any]], observe: Observe) -> None:
    with observe.together():
        for component, pods in every_pod.items():
            ready = [pod.metadata.name for pod in pods if is_ready(pod)]
            observe(f"pods of {component}", expected="at least 1", observed=len(pods), holds=bool(pods))
            observe(f"ready pods of {component}", expected=sorted(pod.metadata.name for pod in pods), observed=sorted(ready))
            for pod in pods:
                restarts = sum(status.restart_count for status in pod.status.container_statuses or [])
                observe(f"restarts of {pod.metadata.name}", expected=0, observed=restarts)
                for container in pod.spec.containers:
                    declared = {**(container.resources.requests or {})}, {**(container.resources.limits or {})}
                    least = {"cpu", "memory", "ephemeral-storage"}
                    observe(
                        f"resources of {pod.metadata.name}",
                        expected="requests and limits of cpu, memory and ephemeral-storage",
                        observed=str(declared),
                        holds=every(least <= set(side) for side in declared),
                    )


@when("the variables of a consumer are read from its process", target_fixture="process_variables")
def variables_inside(installed: Installation) -> tuple[str, dict[str, str]]:
    pod = installed.ready("consumer")[0]
    return pod.metadata.name, inside_pod.inspect(installed, "consumer", pod).variables


@then("they are the nine of the contract, with the values of the release and the pod's own name")
def nine_variables(installed: Installation, process_variables: tuple[str, dict[str, str]], observe: Observe) -> None:
    pod, variables = process_variables
    consumer = installed.release.values()["consumer"]
    expected = {
        "STREAM_NAME": consumer["streamName"],
        "CONSUMER_GROUP": consumer["consumerGroup"],
        "CONSUMER_NAME": pod,
        "BATCH_SIZE": str(consumer["batchSize"]),
        "BLOCK_MS": str(consumer["blockMs"]),
        "MAX_RETRIES": str(consumer["maxRetries"]),
        "LOG_LEVEL": consumer["logLevel"],
    }
    with observe.together():
        for name in protocol.CONSUMER_VARIABLES:
            if name in expected:
                observe(f"{name} in the process", expected=expected[name], observed=variables.get(name))
            else:
                begins = {"REDIS_URL": "redis", "DATABASE_URL": "postgresql"}[name]  # a secret: the report must not show it
                right = variables.get(name, "").startswith(begins)
                observe(
                    f"{name} in the process", expected=f"{begins}…", observed="as expected" if right else "wrong or missing", holds=right
                )


@when("the consumer group is read from the live Redis", target_fixture="backlog")
def live_backlog(stream: StreamProbe) -> Waited[Any]:
    def read() -> tuple[Any, ...]:
        group = stream.group(protocol.STREAM, protocol.GROUP)
        return (group.pending, group.lag, stream.length(protocol.STREAM + protocol.DEAD_SUFFIX)) if group else (None, None, None)

    return eventually(read, lambda seen: seen == (0, 0, 0), within=SETTLED_SECONDS, every=0.2)


@then("lag, pending entries and dead-letter entries are 0")
def backlog_is_empty(backlog: Waited[Any], observe: Observe) -> None:
    observe("pending entries, lag and dead-letter entries", expected=(0, 0, 0), observed=backlog.value, evidence=backlog.story)
