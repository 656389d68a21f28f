"""Read the resource usage of pods from the kubelets of their nodes. No metrics server is needed."""

import time
from collections import defaultdict
from typing import Any

import msgspec

from validation.core.errors import HarnessError
from validation.load.sampling.sampler import Look, Usage
from validation.targets.cluster.access import REQUEST_SECONDS, api_call
from validation.targets.cluster.installation import Installation

EVERY_SECONDS = 2.0
"""A kubelet measures about every ten seconds. Asking more often than this would be a load of its own."""
NAMES = {"load-master": "generator", "load-worker": "generator"}
"""Components that are reported under another name."""


def pods_of(installation: Installation) -> Look:
    """Return a probe of all pods of a release, summed by component, including Locust pods in its namespaces."""
    seen: dict[str, Usage] = {}
    used: dict[str, float] = defaultdict(float)
    asked = 0.0

    def look() -> dict[str, Usage]:
        nonlocal seen, asked
        past = time.monotonic() - asked
        if past >= EVERY_SECONDS:
            try:
                found = _measured(installation)
            except HarnessError:  # not there yet, or the API server is busy: try again at the next sample
                found = {}
            # Kubelets measure the total of each pod at different moments, so only the current core usage can be summed.
            for name, (cores, _) in found.items():
                used[name] += cores * past
            seen = {name: Usage(time.time(), used[name], mib) for name, (_, mib) in found.items()}
            asked += past
        return seen

    return look


def _measured(installation: Installation) -> dict[str, tuple[float, float]]:
    """Return the cores in use and the memory in MiB of each component."""
    with api_call("the pods of the release"):
        pods = installation.cluster.core.list_pod_for_all_namespaces(
            label_selector=f"app.kubernetes.io/instance={installation.release.name}", _request_timeout=REQUEST_SECONDS
        ).items
    components = {(pod.metadata.namespace, pod.metadata.name): pod.metadata.labels.get("app.kubernetes.io/component", "") for pod in pods}
    found: dict[str, tuple[float, float]] = {}
    for node in {pod.spec.node_name for pod in pods} - {None}:
        for pod_stats in _stats_summary(installation, node)["pods"]:
            component = components.get((pod_stats["podRef"]["namespace"], pod_stats["podRef"]["name"]))
            cores, size = pod_stats.get("cpu", {}).get("usageNanoCores"), pod_stats.get("memory", {}).get("workingSetBytes")
            if component and cores is not None and size is not None:
                name = NAMES.get(component, component)
                before = found.get(name, (0.0, 0.0))
                found[name] = (before[0] + cores / 1e9, before[1] + size / 2**20)
    return found


def _stats_summary(installation: Installation, node: str) -> Any:
    with api_call(f"the resource usage on {node}"):
        answer = installation.cluster.core.connect_get_node_proxy_with_path(
            node, "stats/summary", _preload_content=False, _request_timeout=REQUEST_SECONDS
        )
    return msgspec.json.decode(answer.data)
