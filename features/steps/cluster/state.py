"""Steps about an installation as the API server keeps it, and as its processes find it."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from pytest_bdd import given, parsers, then, when

from validation.core import protocol
from validation.core.protocol import LAYERS
from validation.core.waiting import eventually
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import CONFINED, confinement, workloads
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.cluster import inside_pod, liveness_trial
from validation.targets.cluster.access import to_dict
from validation.targets.cluster.inside_pod import PodInspection
from validation.targets.cluster.installation import LAYER_OF, Installation, is_ready
from validation.targets.cluster.liveness_trial import LivenessTrial

SETTLED_SECONDS = 30.0
ENFORCES = "pod-security.kubernetes.io/enforce"


@when(parsers.re(r"the pods of (?P<component>api|consumer|redis|postgres) are looked at"), target_fixture="looked_at")
def pods_of(installed: Installation, component: str) -> list[tuple[Any, PodInspection]]:
    return [(pod, inside_pod.inspect(installed, component, pod)) for pod in installed.ready(component)]


@then("each was admitted confined as Pod Security restricted demands, with a read-only root and no token")
def admitted_confined(looked_at: list[tuple[Any, PodInspection]], observe: Observe) -> None:
    with observe.together():
        observe("pods", expected="some", observed=len(looked_at), holds=bool(looked_at))
        for pod, _ in looked_at:
            body = to_dict(pod)
            (workload,) = workloads([Manifest("the API server", "Pod", pod.metadata.name, pod.metadata.namespace, body)])
            for container in workload.containers:
                where = f"{pod.metadata.name}, {container.name}"
                observe(f"confinement of {where}, as admitted", expected=CONFINED, observed=confinement(workload, container))


@then(parsers.re(r"from inside each is the user (?P<user>\d+), without capabilities, and writes nowhere but to its own folders"))
def confined_inside(looked_at: list[tuple[Any, PodInspection]], user: str, observe: Observe) -> None:
    expected = {"user": int(user), "group": int(user), "capabilities": 0, "seccomp": True, "no new privileges": True,
                "writes to /": False, "writes to /tmp": True, "token": False}  # fmt: skip
    with observe.together():
        for pod, inside in looked_at:
            observe(f"insides of {pod.metadata.name}", expected=expected, observed={
                "user": inside.user, "group": inside.group, "capabilities": inside.capabilities, "seccomp": inside.seccomp,
                "no new privileges": inside.no_new_privileges, "writes to /": inside.writes_root, "writes to /tmp": inside.writes_tmp,
                "token": inside.token,
            })  # fmt: skip


@pytest.fixture(scope="session")
def hanging(installed: Installation) -> Iterator[Future[LivenessTrial]]:
    """A trial that has begun, beside the other scenarios: most of it is waiting."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(liveness_trial.run, installed, ended.is_set)
        ended.set()


@pytest.fixture(autouse=True)
def begins_to_hang(request: pytest.FixtureRequest, planned_steps: list[str], place: str) -> None:
    """Begin the trial with the first scenario at the installation, where one of this session asks for it."""
    if place == "installed" and any(step.startswith("two consumers of the installation") for step in planned_steps):
        request.getfixturevalue("hanging")


@given("two consumers of the installation, one idle and one whose loop is frozen", target_fixture="hung_trial")
def hung_and_idle(hanging: Future[LivenessTrial]) -> LivenessTrial:
    return hanging.result()


@then("the kubelet restarts the frozen one within the declared time")
def frozen_restarted(hung_trial: LivenessTrial, observe: Observe) -> None:
    seen = hung_trial.frozen
    told = f"{seen.value} restarts after {seen.seconds:.0f} s"
    observe(
        "frozen consumer", expected=f"restarted within {hung_trial.declared:.0f} s", observed=told, holds=seen.held, evidence=seen.story
    )


@then("leaves the idle one alone for as long")
def idle_left_alone(hung_trial: LivenessTrial, observe: Observe) -> None:
    observe("restarts of the idle consumer meanwhile", expected=0, observed=hung_trial.idle_restarts)


@when("the namespaces of the installation are looked at", target_fixture="spaces")
def namespaces(installed: Installation) -> dict[str, dict[str, str]]:
    return installed.cluster.namespaces()


@then("there are four, each labelled with its layer and enforcing restricted")
def four_namespaces(installed: Installation, spaces: dict[str, dict[str, str]], observe: Observe) -> None:
    with observe.together():
        for layer, label in LAYERS.items():
            labels = spaces.get(installed.namespace(layer), {})
            told = (labels.get("layer"), labels.get(ENFORCES))
            observe(f"layer and Pod Security of {installed.namespace(layer)}", expected=(label, "restricted"), observed=told)


@when("all pods of the installation are looked at", target_fixture="every_pod")
def all_pods(installed: Installation) -> dict[str, list[Any]]:
    return {component: installed.pods(component) for component in LAYER_OF}


@then("each is ready, has requests and limits, and was never restarted")
def pods_are_well(every_pod: dict[str, list[Any]], observe: Observe) -> None:
    with observe.together():
        for component, pods in every_pod.items():
            ready = [pod.metadata.name for pod in pods if is_ready(pod)]
            observe(f"pods of {component}", expected="at least 1", observed=len(pods), holds=bool(pods))
            observe(f"ready pods of {component}", expected=sorted(pod.metadata.name for pod in pods), observed=sorted(ready))
            for pod in pods:
                restarts = sum(status.restart_count for status in pod.status.container_statuses or [])
                observe(f"restarts of {pod.metadata.name}", expected=0, observed=restarts)
                for container in pod.spec.containers:
                    given_ = {**(container.resources.requests or {})}, {**(container.resources.limits or {})}
                    least = {"cpu", "memory", "ephemeral-storage"}
                    observe(
                        f"resources of {pod.metadata.name}",
                        expected="requests and limits of cpu, memory and ephemeral-storage",
                        observed=str(given_),
                        holds=all(least <= set(side) for side in given_),
                    )


@when("a consumer's variables are read from its process", target_fixture="seen_variables")
def variables_inside(installed: Installation) -> tuple[str, dict[str, str]]:
    pod = installed.ready("consumer")[0]
    return pod.metadata.name, inside_pod.inspect(installed, "consumer", pod).variables


@then("they are the nine of the contract, with the values of the release and the pod's own name")
def nine_variables(installed: Installation, seen_variables: tuple[str, dict[str, str]], observe: Observe) -> None:
    pod, variables = seen_variables
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
                begins = {"REDIS_URL": "redis", "DATABASE_URL": "postgresql"}[name]  # a secret: its value is not for a report
                there = variables.get(name, "").startswith(begins)
                observe(f"{name} in the process", expected=f"{begins}…", observed="there" if there else "wrong or missing", holds=there)


@when("the consumer group is read from the live Redis", target_fixture="in_order")
def live_group(stream: StreamProbe) -> Any:
    def read() -> tuple[Any, ...]:
        group = stream.group(protocol.STREAM, protocol.GROUP)
        return (group.pending, group.lag, stream.length(protocol.STREAM + protocol.DEAD_SUFFIX)) if group else (None, None, None)

    return eventually(read, lambda seen: seen == (0, 0, 0), within=SETTLED_SECONDS, every=0.2)


@then("nothing lags, nothing is pending and nothing is dead")
def group_in_order(in_order: Any, observe: Observe) -> None:
    observe("pending, lag and dead letters", expected=(0, 0, 0), observed=in_order.value, evidence=in_order.story)
