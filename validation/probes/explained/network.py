"""Compare what each end of every connection allows with its explained table: every pod, every direction, and the world around."""

from collections.abc import Iterable, Mapping
from typing import Any

from validation.core.errors import ProbeError
from validation.core.protocol import LAYERS
from validation.policies import sides
from validation.policies.evaluator import NAME_LABEL, Endpoint
from validation.probes.chart import network_policies
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import workloads
from validation.probes.explained import tables

TABLE = "network.toml"
RELEASE, COMPONENT = network_policies.RELEASE, network_policies.COMPONENT
ADDRESSES = {
    "the metadata service of a cloud": "169.254.169.254",
    "a private network": "10.0.0.7",
    "the internet": "203.0.113.7",
    "the internet over IPv6": "2001:db8::7",
    "192.0.2.10": "192.0.2.10",  # two servers that external-data-values.yaml names, and one that no file names
    "192.0.2.11": "192.0.2.11",
    "192.0.2.12": "192.0.2.12",
}


def differences(manifests: Iterable[Manifest], values: Mapping[str, Any]) -> list[str]:
    """Return what differs from the table.

    Args:
        manifests: everything that the chart renders.
        values: the merged values that it was rendered with.

    Raises:
        ProbeError: the chart renders no API pod.
    """
    rules, kept = tables.read(TABLE), tuple(manifests)
    inside = _inside(kept, values["namespaces"]["prefix"])
    ends = sides.tables(network_policies.policies(kept), inside, _outside(inside, values))
    found = list(tables.missing(rules, ends, values))
    return found + [sentence for name, peers in ends.items() for sentence in tables.differences(rules, name, peers, values)]


def _inside(manifests: Iterable[Manifest], prefix: str) -> list[Endpoint]:
    """Return the pods of the release, one of a frontend, and one without labels in each of its namespaces."""
    pods = []
    for workload in workloads(manifests):
        body = workload.manifest.body
        labels = (body if workload.manifest.kind == "Pod" else body["spec"]["template"])["metadata"]["labels"]
        pods.append(Endpoint(labels[COMPONENT], workload.manifest.namespace, labels))
    api = next((one.labels for one in pods if one.name == "api"), None)
    if api is None:
        raise ProbeError("The chart renders no API pod, so the labels of the release are unknown.", "this is a different chart")
    frontend = Endpoint("frontend", f"{prefix}-frontend", {key: api[key] for key in RELEASE})
    return [*pods, frontend, *(Endpoint(f"unlabelled pod in {layer}", f"{prefix}-{layer}") for layer in LAYERS)]


def _outside(inside: Iterable[Endpoint], values: Mapping[str, Any]) -> list[Endpoint]:
    """Return what is outside of the release: those that the values name, their look-alikes, and addresses."""
    api = next(one.labels for one in inside if one.name == "api")
    policies = values["networkPolicies"]
    dns = policies["dns"]["peers"][0]
    dns_namespace, dns_labels = dns["namespaceSelector"]["matchLabels"][NAME_LABEL], dns["podSelector"]["matchLabels"]
    pods = [
        Endpoint("KEDA", values["consumer"]["keda"]["operatorNamespace"]),
        Endpoint("Prometheus", values["monitoring"]["prometheusNamespace"]),
        Endpoint("DNS pods", dns_namespace, dns_labels),
        Endpoint("another pod in the namespace of DNS", dns_namespace, {"k8s-app": "another"}),
        Endpoint("DNS labels in another namespace", "elsewhere", dns_labels),
        Endpoint("API labels in another namespace", "elsewhere", api),
        Endpoint("pod in another namespace", "elsewhere"),
        Endpoint("pod of another release", "other-api", {**api, RELEASE[1]: "other"}),
    ]
    for number, peer in enumerate(policies["ingressControllers"]):
        labels = dict(peer["namespaceSelector"]["matchLabels"])
        pods.append(Endpoint(f"ingress controller {number}", labels.pop(NAME_LABEL, "ingress"), {}, labels))
    return pods + [Endpoint(name, ip=address) for name, address in ADDRESSES.items()]
