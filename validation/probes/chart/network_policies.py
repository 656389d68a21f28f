"""Read the network policies of a rendered chart, and the endpoints that they apply to."""

from collections.abc import Iterable, Mapping
from typing import Any

from validation.core.errors import ProbeError
from validation.core.protocol import LAYERS
from validation.policies.declared import EndpointSpec, Topology, declared
from validation.policies.evaluator import NAME_LABEL, Endpoint, Policy
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import workloads

DNS_LABELS = {"k8s-app": "kube-dns"}
"""Labels of the DNS pods in nearly every cluster, CoreDNS or kube-dns."""
COMPONENT = "app.kubernetes.io/component"
RELEASE = ("app.kubernetes.io/name", "app.kubernetes.io/instance")
"""Labels of every pod of a release."""


def policies(manifests: Iterable[Manifest]) -> tuple[Policy, ...]:
    """Return the network policies among the manifests."""
    return tuple(Policy(m.namespace, m.name, m.body["spec"]) for m in manifests if m.kind == "NetworkPolicy")


def topology(manifests: Iterable[Manifest], values: Mapping[str, Any]) -> Topology:
    """Return the endpoints of the declared table that exist in this release. An ingress controller or a managed Redis may be absent.

    Args:
        manifests: everything that the chart renders.
        values: the merged values that it was rendered with.

    Raises:
        ProbeError: the manifests contain no pod of the API.
    """
    labels = {
        pod[COMPONENT]: pod
        for workload in workloads(manifests)
        if workload.long_running
        for pod in [workload.manifest.body["spec"]["template"]["metadata"]["labels"]]
    }
    places = namespaces(values)
    found = {
        name: Endpoint(name, "" if spec.at == "server" else places[spec.at][0], pod_labels(spec, labels), places[spec.at][1])
        for name, spec in declared().endpoints.items()
        if spec.at in places and (not spec.pods or spec.pods in labels)
    }
    return Topology(found)


def namespaces(values: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the name and labels of the namespace at each place. The ingress controller's is the first that the values name."""
    prefix = values["namespaces"]["prefix"]
    names = {**{layer: f"{prefix}-{layer}" for layer in LAYERS}, "elsewhere": "elsewhere", "dns": "kube-system", "server": ""}
    found: dict[str, tuple[str, dict[str, str]]] = {place: (name, {}) for place, name in names.items()}
    for peer in (values.get("networkPolicies") or {}).get("ingressControllers") or ():
        labels = dict((peer.get("namespaceSelector") or {}).get("matchLabels") or {})
        return found | {"ingress": (labels.pop(NAME_LABEL, f"{prefix}-ingress"), labels)}
    return found


def pod_labels(spec: EndpointSpec, components: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Return the labels of an endpoint's pods.

    Args:
        spec: the endpoint.
        components: labels of the pods of each component.

    Raises:
        ProbeError: the components do not include the API, whose pods carry the release's labels.
    """
    if spec.at == "dns":
        return DNS_LABELS
    if "api" not in components:
        raise ProbeError("The chart renders no API pod, so the labels of the release are unknown.", "this is a different chart")
    release = {key: components["api"][key] for key in RELEASE}
    component = spec.pods or spec.labels
    if component == "release":
        return release
    return components.get(component, {**release, COMPONENT: component}) if component else {}
