"""What operators do to an installation: scale, delete a pod, roll out, evict. Each waits until the pods are ready again."""

from datetime import UTC, datetime
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from validation.core.errors import NotProven
from validation.core.waiting import eventually
from validation.targets.cluster.access import REQUEST_SECONDS, api_call
from validation.targets.cluster.installation import LAYER_OF, Installation, is_ready

READY_SECONDS = 90.0
LOOK_SECONDS = 0.3
SETS = {"redis": "redis", "postgres": "postgres"}
TOO_MANY_REQUESTS = 429


def scale(installation: Installation, component: str, replicas: int) -> None:
    """Scale a Deployment, and wait until exactly so many pods are ready.

    Raises:
        NotProven: the installation is somebody else's, or the pods do not become ready.
    """
    installation.require_managed()
    with api_call(f"the scale of {component}"):
        installation.cluster.apps.patch_namespaced_deployment_scale(
            f"voting-{component}",
            installation.namespace(LAYER_OF[component]),
            {"spec": {"replicas": replicas}},
            _request_timeout=REQUEST_SECONDS,
        )
    wait_ready(installation, component, replicas)


def delete_pod(installation: Installation, component: str) -> str:
    """Delete one ready pod and wait until another one, or a StatefulSet's same one made anew, is ready. Gives the uid that is gone."""
    installation.require_managed()
    before = installation.ready(component)
    if not before:
        raise NotProven(f"No pod of {component} is ready, so none can be lost.")
    pod = before[0]
    with api_call(f"the end of {pod.metadata.name}"):
        installation.cluster.core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, _request_timeout=REQUEST_SECONDS)
    wait_ready(installation, component, len(before), without=pod.metadata.uid)
    return str(pod.metadata.uid)


def roll_out(installation: Installation, component: str) -> None:
    """Restart every pod of a Deployment, one after the other, as `kubectl rollout restart` does."""
    installation.require_managed()
    old = {pod.metadata.uid for pod in installation.pods(component)}
    stamp = {"votecheck/restarted": datetime.now(UTC).isoformat()}
    with api_call(f"the rollout of {component}"):
        installation.cluster.apps.patch_namespaced_deployment(
            f"voting-{component}", installation.namespace(LAYER_OF[component]),
            {"spec": {"template": {"metadata": {"annotations": stamp}}}}, _request_timeout=REQUEST_SECONDS,
        )  # fmt: skip
    wait_ready(installation, component, len(old), without=old)


def wait_ready(installation: Installation, component: str, count: int, without: str | set[str] = "") -> None:
    """Wait until exactly `count` pods are there and ready, and none of those with the uids `without`.

    Raises:
        NotProven: they do not become so.
    """
    unwanted = {without} if isinstance(without, str) else without

    def look() -> tuple[list[str], list[str]]:
        every = installation.pods(component)
        return [pod.metadata.uid for pod in every], [pod.metadata.uid for pod in every if is_ready(pod)]

    seen = eventually(
        look,
        lambda uids: len(uids[0]) == len(uids[1]) == count and not unwanted.intersection(uids[0]),
        within=READY_SECONDS,
        every=LOOK_SECONDS,
    )
    if not seen.held:
        raise NotProven(f"{component} did not come to {count} ready pods within {READY_SECONDS:.0f} s:\n{seen.story}")


def evict(installation: Installation, pod: Any) -> int:
    """Ask for the eviction of a pod, as a drain of its node does. Gives the HTTP status: 429 is the disruption budget's no."""
    installation.require_managed()
    body = client.V1Eviction(metadata=client.V1ObjectMeta(name=pod.metadata.name, namespace=pod.metadata.namespace))
    with api_call(f"the eviction of {pod.metadata.name}"):
        try:
            installation.cluster.core.create_namespaced_pod_eviction(
                pod.metadata.name, pod.metadata.namespace, body, _request_timeout=REQUEST_SECONDS
            )
        except ApiException as error:
            if error.status != TOO_MANY_REQUESTS:
                raise
            return TOO_MANY_REQUESTS
    return 201
