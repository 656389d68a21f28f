"""What the pods of an installation use, as the kubelets of their nodes measure it: no metrics server is needed."""

import time
from collections import defaultdict
from typing import Any

import msgspec

from validation.core.errors import HarnessError
from validation.load.sampling.sampler import Look, Usage
from validation.targets.cluster.access import REQUEST_SECONDS, api_call
from validation.targets.cluster.installation import Installation

EVERY_SECONDS = 2.0
"""A kubelet measures every ten seconds or so; asking more often than this would be a load by itself."""
NAMES = {"load-master": "generator", "load-worker": "generator"}
"""What components are called here that are not called by their own name."""


def pods_of(installation: Installation) -> Look:
    """Make a look at all pods of a release, those of one component together, and Locust's where they run beside them."""
    seen: dict[str, Usage] = {}
    used: dict[str, float] = defaultdict(float)
    asked = 0.0

    def look() -> dict[str, Usage]:
        nonlocal seen, asked
        past = time.monotonic() - asked
        if past >= EVERY_SECONDS:
            try:
                found = _measured(installation)
            except HarnessError:  # it is not there yet, or the API server is busy: the next look will tell
                found = {}
            # What each pod has used so far is measured at a moment of its own; the cores it was using can be added up.
            for name, (cores, _) in found.items():
                used[name] += cores * past
            seen = {name: Usage(time.time(), used[name], mib) for name, (_, mib) in found.items()}
            asked += past
        return seen

    return look


def _measured(installation: Installation) -> dict[str, tuple[float, float]]:
    """Give the cores in use and the MiB of each component."""
    with api_call("the pods of the release"):
        pods = installation.cluster.core.list_pod_for_all_namespaces(
            label_selector=f"app.kubernetes.io/instance={installation.release.name}", _request_timeout=REQUEST_SECONDS
        ).items
    components = {(pod.metadata.namespace, pod.metadata.name): pod.metadata.labels.get("app.kubernetes.io/component", "") for pod in pods}
    found: dict[str, tuple[float, float]] = {}
    for node in {pod.spec.node_name for pod in pods} - {None}:
        for told in _asked(installation, node)["pods"]:
            component = components.get((told["podRef"]["namespace"], told["podRef"]["name"]))
            cores, size = told.get("cpu", {}).get("usageNanoCores"), told.get("memory", {}).get("workingSetBytes")
            if component and cores is not None and size is not None:
                name = NAMES.get(component, component)
                before = found.get(name, (0.0, 0.0))
                found[name] = (before[0] + cores / 1e9, before[1] + size / 2**20)
    return found


def _asked(installation: Installation, node: str) -> Any:
    with api_call(f"what the pods of {node} use"):
        answer = installation.cluster.core.connect_get_node_proxy_with_path(
            node, "stats/summary", _preload_content=False, _request_timeout=REQUEST_SECONDS
        )
    return msgspec.json.decode(answer.data)
