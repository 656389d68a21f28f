"""Tests the consumer's liveness probe: the kubelet must restart a consumer whose loop hangs, and must leave an idle one alone.

Both run in pods of their own. The kernel ignores a SIGSTOP from inside a container for its first process, so the pods share their process
namespace, in which the consumer is not the first process.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from validation.core.errors import NotProven
from validation.core.waiting import Waited, eventually
from validation.targets.cleanup import LABEL
from validation.targets.cluster.access import REQUEST_SECONDS, api_call, to_dict
from validation.targets.cluster.installation import Installation

READY_SECONDS = 60.0
STALE_SECONDS = 20.0
"""The heartbeat is stale after three times the longest wait of the loop, 15.3 s with these settings."""
SLACK_SECONDS = 20.0
LOOK_SECONDS = 1.0
FREEZE = """
import os, signal
mine = os.getpid()
for name in filter(str.isdigit, os.listdir("/proc")):
    words = open(f"/proc/{name}/cmdline").read().split("\\0")
    if int(name) not in (1, mine) and words[-2:-1] == ["system.consumer"]:
        os.kill(int(name), signal.SIGSTOP)
        print("frozen", name)
"""


@dataclass(frozen=True, slots=True)
class LivenessTrial:
    """The restarts of both consumers.

    Attributes:
        declared: the seconds within which the chart's liveness probe must restart the frozen consumer.
        frozen: the restarts of the frozen consumer over time.
        idle_restarts: the restarts of the idle consumer in the same time.
    """

    declared: float
    frozen: Waited[int]
    idle_restarts: int


def run(installation: Installation, ended: Callable[[], bool]) -> LivenessTrial:
    """Start two consumers, freeze one, and wait for its restart; stop early once `ended` returns true.

    Raises:
        NotProven: the installation is external, or a consumer does not start.
    """
    installation.require_managed()
    pods = {how: _pod(installation, how) for how in ("idle", "frozen")}
    try:
        for pod in pods.values():
            with api_call(f"the pod {pod['metadata']['name']}"):
                installation.cluster.core.create_namespaced_pod(pod["metadata"]["namespace"], pod, _request_timeout=REQUEST_SECONDS)
        for pod in pods.values():
            ready = eventually(
                lambda pod=pod: _status(installation, pod)[0],  # type: ignore[misc]
                bool, within=READY_SECONDS, never=lambda _: ended(), every=LOOK_SECONDS,
            )  # fmt: skip
            if not ready.held:
                raise NotProven(f"{pod['metadata']['name']} did not become ready within {READY_SECONDS:.0f} s.")
        frozen = pods["frozen"]
        done = installation.cluster.run(frozen["metadata"]["namespace"], frozen["metadata"]["name"], "python", "-c", FREEZE)
        if "frozen" not in done.output:
            raise NotProven(f"The consumer could not be frozen: {done.output[-300:]}")
        declared = _declared(frozen)
        seen = eventually(lambda: _status(installation, frozen)[1], bool, within=declared, never=lambda _: ended(), every=LOOK_SECONDS)
        return LivenessTrial(declared, seen, _status(installation, pods["idle"])[1])
    finally:
        for pod in pods.values():
            with api_call(f"the deletion of {pod['metadata']['name']}"):
                installation.cluster.core.delete_namespaced_pod(
                    pod["metadata"]["name"], pod["metadata"]["namespace"], grace_period_seconds=0, _request_timeout=REQUEST_SECONDS
                )


def _declared(pod: dict[str, Any]) -> float:
    container = pod["spec"]["containers"][0]
    probe = container["livenessProbe"]
    detected = (probe["failureThreshold"] + 1) * (probe["periodSeconds"] + probe["timeoutSeconds"])
    return float(STALE_SECONDS + detected + pod["spec"]["terminationGracePeriodSeconds"] + SLACK_SECONDS)


def _pod(installation: Installation, how: str) -> dict[str, Any]:
    """Return a pod like those of the Deployment, on a stream of its own."""
    with api_call("the Deployment of the consumer"):
        deployment = installation.cluster.apps.read_namespaced_deployment(
            "voting-consumer", installation.namespace("consumer"), _request_timeout=REQUEST_SECONDS
        )
    template: dict[str, Any] = to_dict(deployment.spec.template)
    spec = copy.deepcopy(template["spec"])
    spec |= {"shareProcessNamespace": True, "terminationGracePeriodSeconds": 5}
    (container,) = spec["containers"]
    own = {"STREAM_NAME": f"votecheck:{how}", "CONSUMER_GROUP": f"votecheck-{how}", "BLOCK_MS": "100"}
    container["env"] = [{"name": v["name"], "value": own[v["name"]]} if v["name"] in own else v for v in container["env"]]
    container["resources"]["requests"]["cpu"] = "10m"
    labels = template["metadata"]["labels"] | {LABEL: installation.settings.run}
    name = f"votecheck-{how}-{time.time_ns() % 1_000_000}"
    metadata = {"name": name, "namespace": installation.namespace("consumer"), "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _status(installation: Installation, pod: dict[str, Any]) -> tuple[bool, int]:
    with api_call(f"the pod {pod['metadata']['name']}"):
        found = installation.cluster.core.read_namespaced_pod(
            pod["metadata"]["name"], pod["metadata"]["namespace"], _request_timeout=REQUEST_SECONDS
        )
    states = found.status.container_statuses or []
    return bool(states and states[0].ready), int(states[0].restart_count if states else 0)
