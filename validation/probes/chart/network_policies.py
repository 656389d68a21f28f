"""The ends and the policies of a chart as it renders."""

from collections.abc import Iterable, Mapping
from typing import Any

from validation.core.errors import ProbeError
from validation.core.protocol import LAYERS
from validation.policies.declared import Kind, Scene, truth
from validation.policies.evaluator import NAME_LABEL, End, Policy
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import workloads

DNS_LABELS = {"k8s-app": "kube-dns"}
"""What the DNS pods of nearly every cluster carry, whatever they are."""
COMPONENT = "app.kubernetes.io/component"
RELEASE = ("app.kubernetes.io/name", "app.kubernetes.io/instance")
"""The labels that every pod of a release has."""


def policies(manifests: Iterable[Manifest]) -> tuple[Policy, ...]:
    """Pick the network policies."""
    return tuple(Policy(m.namespace, m.name, m.body["spec"]) for m in manifests if m.kind == "NetworkPolicy")


def scene(manifests: Iterable[Manifest], values: Mapping[str, Any]) -> Scene:
    """Give the ends of the declared table, without those that this release has not: an ingress controller, a Redis of its own.

    Args:
        manifests: all that the chart renders.
        values: all values that it was rendered with.

    Raises:
        ProbeError: no component of the API is among the manifests.
    """
    labels = {
        pod[COMPONENT]: pod
        for workload in workloads(manifests)
        if workload.long_running
        for pod in [workload.manifest.body["spec"]["template"]["metadata"]["labels"]]
    }
    spaces = namespaces(values)
    found = {
        name: End(name, "" if kind.at == "server" else spaces[kind.at][0], pod_labels(kind, labels), spaces[kind.at][1])
        for name, kind in truth().ends.items()
        if kind.at in spaces and (not kind.pods or kind.pods in labels)
    }
    return Scene(found)


def namespaces(values: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """Give name and labels of the namespace that each place stands for; the ingress controller's is the first that the values name."""
    prefix = values["namespaces"]["prefix"]
    names = {**{layer: f"{prefix}-{layer}" for layer in LAYERS}, "elsewhere": "elsewhere", "dns": "kube-system", "server": ""}
    found: dict[str, tuple[str, dict[str, str]]] = {place: (name, {}) for place, name in names.items()}
    for peer in (values.get("networkPolicies") or {}).get("ingressControllers") or ():
        space = dict((peer.get("namespaceSelector") or {}).get("matchLabels") or {})
        return found | {"ingress": (space.pop(NAME_LABEL, f"{prefix}-ingress"), space)}
    return found


def pod_labels(kind: Kind, components: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Give the labels of an end's pods.

    Args:
        kind: the end.
        components: the labels that the pods of each component have.

    Raises:
        ProbeError: the API is not among the components, so that nobody knows the release's labels.
    """
    if kind.at == "dns":
        return DNS_LABELS
    if "api" not in components:
        raise ProbeError("There is no pod of the API to tell the labels of the release by.", "it is another chart")
    release = {key: components["api"][key] for key in RELEASE}
    wanted = kind.pods or kind.labels
    if wanted == "release":
        return release
    return components.get(wanted, {**release, COMPONENT: wanted}) if wanted else {}
