"""Operations on an installation: scale, delete a pod, roll out, evict. All but the eviction wait until the pods are ready again."""

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
TOO_MANY_REQUESTS = 429


def scale(installation: Installation, component: str, replicas: int) -> None:
    """Scale a Deployment, and wait until exactly this many pods are ready.

    Raises:
        NotProven: the installation is external, or the pods do not become ready.
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
    """Delete a ready pod, wait until its replacement is ready, and return the uid of the deleted pod."""
    installation.require_managed()
    before = installation.ready(component)
    if not before:
        raise NotProven(f"No pod of {component} is ready, so none can be deleted.")
    pod = before[0]
    with api_call(f"the deletion of {pod.metadata.name}"):
        installation.cluster.core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, _request_timeout=REQUEST_SECONDS)
    wait_ready(installation, component, len(before), without=pod.metadata.uid)
    return str(pod.metadata.uid)


def roll_out(installation: Installation, component: str) -> None:
    """Restart the pods of a Deployment, as `kubectl rollout restart` does, and wait until the new ones are ready."""
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
    """Wait until exactly `count` pods exist, all of them ready and none with a uid in `without`.

    Raises:
        NotProven: it takes too long.
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
        raise NotProven(f"{component} did not have {count} ready pods within {READY_SECONDS:.0f} s:\n{seen.story}")


def evict(installation: Installation, pod: Any) -> int:
    """Request the eviction of a pod, as draining its node does. Return the HTTP status; 429 means that the disruption budget forbids it."""
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
