"""The network policies, evaluated as a cluster evaluates them, allow exactly the declared table, and it equals the published one."""

import pytest

from tests.chart.values_table import CHART
from validation.policies.declared import Connections, declared
from validation.policies.evaluator import Endpoint, Policy, may_connect
from validation.probes.chart import network_policies, values
from validation.probes.chart.manifests import render

LAYERS = {"ingress controller", "frontend", "api", "consumer", "data"}
MANIFESTS = render(CHART)
POLICIES = network_policies.policies(MANIFESTS)
TOPOLOGY = network_policies.topology(MANIFESTS, values.merged(CHART))
PUBLISHED = {
    "ingress controller": {"frontend:8000", "api:8000"},
    "frontend": {"api:8000", "DNS udp", "DNS tcp"},
    "api": {"redis:6379", "postgres:5432", "DNS udp", "DNS tcp"},
    "consumer": {"redis:6379", "postgres:5432", "DNS udp", "DNS tcp"},
    "data": {"DNS udp", "DNS tcp"},
}


def rows(cells: Connections) -> dict[str, set[str]]:
    return {row: {column for one, column in cells if one == row} for row in declared().allowed}


def may(source: str | Endpoint, target: str, port: int, protocol: str = "TCP") -> bool:
    return may_connect(
        POLICIES, TOPOLOGY.endpoints[source] if isinstance(source, str) else source, TOPOLOGY.endpoints[target], port, protocol
    )


@pytest.mark.parametrize("row", declared().allowed)
def test_the_policies_allow_exactly_a_row_of_the_declared_table(row: str) -> None:
    assert rows(TOPOLOGY.allowed_by(POLICIES) & TOPOLOGY.in_scope)[row] == set(declared().allowed[row])


def test_the_declared_table_equals_the_published_one() -> None:
    assert {row: set(columns) for row, columns in declared().allowed.items() if columns} == PUBLISHED
    assert PUBLISHED.keys() == LAYERS


def test_every_endpoint_is_in_the_table() -> None:
    columns = {column.endpoint for column in declared().destinations.values()}
    assert declared().allowed.keys() | columns == declared().endpoints.keys()
    assert all(set(columns) <= declared().destinations.keys() for columns in declared().allowed.values())
    assert all(row in declared().allowed and column in declared().destinations for row, column in declared().out_of_scope)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_removing_any_single_policy_changes_the_table(policy: Policy) -> None:
    others = [one for one in POLICIES if one != policy]
    assert TOPOLOGY.allowed_by(others) & TOPOLOGY.in_scope != TOPOLOGY.allowed_by(POLICIES) & TOPOLOGY.in_scope


@pytest.mark.parametrize("layer", ["frontend", "api", "consumer", "data"])
def test_each_default_deny_policy_alone_blocks_both_directions_for_every_pod(layer: str) -> None:
    (denial,) = [p for p in POLICIES if (p.namespace, p.name) == (f"voting-{layer}", "default-deny")]
    pod, stranger = Endpoint("any", f"voting-{layer}", {"any": "label"}), TOPOLOGY.endpoints["pod in another namespace"]
    assert not may_connect([denial], pod, stranger, 80)
    assert not may_connect([denial], stranger, pod, 80)


def test_no_other_port_is_open() -> None:
    assert not may("frontend", "API pods", 9000)
    assert not may("api", "Redis pod", 5432)
    assert not may("consumer", "Redis pod", 22)
    assert not may("data", "DNS pods", 443)


def test_component_labels_open_nothing_in_another_namespace() -> None:
    impostor = Endpoint("impostor", "voting-frontend", TOPOLOGY.endpoints["API pods"].labels)
    assert not may(impostor, "Redis pod", 6379)
    assert not may_connect(POLICIES, TOPOLOGY.endpoints["frontend"], impostor, 8000)


def test_only_the_configured_peers_are_allowed_in() -> None:
    custom = {
        "monitoring": {"enabled": True, "prometheusNamespace": "watch"},
        "networkPolicies": {"ingressControllers": [{"namespaceSelector": {"matchLabels": {"role": "edge"}}}]},
    }
    policies = network_policies.policies(render(CHART, custom))
    topology = network_policies.topology(render(CHART, custom), values.merged(CHART, custom))
    assert topology.allowed_by(policies) & topology.in_scope == declared().allowed_among(topology.in_scope)
    assert may_connect(policies, Endpoint("Prometheus", "watch"), topology.endpoints["consumer"], 9000)
    assert not may_connect(policies, Endpoint("ingress", "ingress-nginx"), topology.endpoints["API pods"], 8000)
