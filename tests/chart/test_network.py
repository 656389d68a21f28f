"""The network policies, read as a cluster reads them, give the truth table of the protocol."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.chart.values_table import CHART
from validation.probes.manifests import render
from validation.probes.workloads import workloads

POLICIES = [m for m in render(CHART) if m.kind == "NetworkPolicy"]
LABELS = {w.manifest.name: w.manifest.body["spec"]["template"]["metadata"]["labels"] for w in workloads(render(CHART)) if w.lasting}


class Pod(NamedTuple):
    namespace: str
    labels: Mapping[str, str]


PODS = {
    "ingress": Pod("ingress-nginx", {}),
    "frontend": Pod("voting-frontend", {}),
    "api": Pod("voting-api", LABELS["voting-api"]),
    "consumer": Pod("voting-consumer", LABELS["voting-consumer"]),
    "redis": Pod("voting-data", LABELS["redis"]),
    "postgres": Pod("voting-data", LABELS["postgres"]),
    "dns": Pod("kube-system", {"k8s-app": "kube-dns"}),
    "API server": Pod("kube-system", {"component": "kube-apiserver"}),
    "stranger": Pod("elsewhere", {}),
    "same labels elsewhere": Pod("elsewhere", LABELS["voting-api"]),
    "consumer's labels elsewhere": Pod("elsewhere", LABELS["voting-consumer"]),
    "another beside the API": Pod("voting-api", {}),
    "another beside the data": Pod("voting-data", {}),
    "API's labels in the frontend": Pod("voting-frontend", LABELS["voting-api"]),
}
TARGETS = {"frontend": 8000, "api": 8000, "redis": 6379, "postgres": 5432, "dns": 53, "API server": 443, "stranger": 80}
ALLOWED = {
    "ingress": {"frontend", "api", "dns", "API server", "stranger"},  # what leaves it is not ours to forbid
    "frontend": {"api", "dns"},
    "api": {"redis", "postgres", "dns"},
    "consumer": {"redis", "postgres", "dns"},
    "redis": {"dns"},
    "postgres": {"dns"},
    "stranger": {"dns", "API server", "stranger"},
    "same labels elsewhere": {"dns", "API server", "stranger"},
    "consumer's labels elsewhere": {"dns", "API server", "stranger"},
}


def selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items()


def is_peer(peer: Mapping[str, Any], pod: Pod, home: str) -> bool:
    names = {"kubernetes.io/metadata.name": pod.namespace}
    in_namespace = selected(peer["namespaceSelector"], names) if "namespaceSelector" in peer else pod.namespace == home
    return "ipBlock" not in peer and in_namespace and selected(peer.get("podSelector", {}), pod.labels)


def lets_through(direction: str, pod: Pod, other: Pod, port: int, protocol: str) -> bool:
    """Tell whether the policies of one end let the other through; without a policy they let everything."""
    applying = [
        p.body["spec"]
        for p in POLICIES
        if p.namespace == pod.namespace
        and direction in p.body["spec"]["policyTypes"]
        and selected(p.body["spec"]["podSelector"], pod.labels)
    ]
    side, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    return not applying or any(
        (peers not in rule or any(is_peer(peer, other, pod.namespace) for peer in rule[peers]))
        and ("ports" not in rule or {"port": port, "protocol": protocol} in rule["ports"])
        for policy in applying
        for rule in policy.get(side) or ()
    )


def connects(source: str, target: str, port: int, protocol: str = "TCP") -> bool:
    a, b = PODS[source], PODS[target]
    return lets_through("Egress", a, b, port, protocol) and lets_through("Ingress", b, a, port, protocol)


@pytest.mark.parametrize("source", ALLOWED)
def test_a_row_of_the_truth_table(source: str) -> None:
    assert {target for target, port in TARGETS.items() if connects(source, target, port)} == ALLOWED[source]


@pytest.mark.parametrize("source", ["frontend", "api", "consumer", "redis"])
def test_dns_is_reached_by_udp_and_tcp_and_only_there(source: str) -> None:
    assert connects(source, "dns", 53, "UDP")
    assert not connects(source, "API server", 53, "UDP")
    assert not connects(source, "stranger", 53, "UDP")
    assert not connects(source, "dns", 443)


def test_no_port_but_the_one_is_open() -> None:
    assert not connects("frontend", "api", 9000)
    assert not connects("api", "redis", 5432)
    assert not connects("consumer", "redis", 22)


def test_what_lies_beside_a_server_is_not_reached() -> None:
    assert not connects("frontend", "another beside the API", 8000)
    assert not connects("frontend", "API's labels in the frontend", 8000)
    assert not connects("api", "another beside the data", 6379)


def test_each_namespace_denies_both_directions_by_itself() -> None:
    denials = [p for p in POLICIES if p.name == "default-deny"]
    assert len(denials) == 4
    for denial in denials:
        assert denial.body["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
