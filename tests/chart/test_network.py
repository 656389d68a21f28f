"""The network policies, evaluated as a cluster evaluates them, allow exactly the declared table, and it equals the published one."""

import pytest

from tests.chart.values_table import CHART
from validation.policies.declared import Cells, truth
from validation.policies.evaluator import End, Policy, connects
from validation.probes.chart import network_policies, values
from validation.probes.chart.manifests import render

LAYERS = {"ingress controller", "frontend", "api", "consumer", "data"}
MANIFESTS = render(CHART)
POLICIES = network_policies.policies(MANIFESTS)
SCENE = network_policies.scene(MANIFESTS, values.merged(CHART))
PUBLISHED = {
    "ingress controller": {"frontend:8000", "api:8000"},
    "frontend": {"api:8000", "DNS udp", "DNS tcp"},
    "api": {"redis:6379", "postgres:5432", "DNS udp", "DNS tcp"},
    "consumer": {"redis:6379", "postgres:5432", "DNS udp", "DNS tcp"},
    "data": {"DNS udp", "DNS tcp"},
}


def rows(cells: Cells) -> dict[str, set[str]]:
    return {row: {column for one, column in cells if one == row} for row in truth().rows}


def may(source: str | End, target: str, port: int, protocol: str = "TCP") -> bool:
    return connects(POLICIES, SCENE.ends[source] if isinstance(source, str) else source, SCENE.ends[target], port, protocol)


@pytest.mark.parametrize("row", truth().rows)
def test_the_policies_allow_exactly_a_row_of_the_declared_table(row: str) -> None:
    assert rows(SCENE.computed(POLICIES) & SCENE.judged)[row] == set(truth().rows[row])


def test_the_declared_table_equals_the_published_one() -> None:
    assert {row: set(columns) for row, columns in truth().rows.items() if columns} == PUBLISHED
    assert PUBLISHED.keys() == LAYERS


def test_every_endpoint_is_in_the_table() -> None:
    columns = {column.end for column in truth().columns.values()}
    assert truth().rows.keys() | columns == truth().ends.keys()
    assert all(set(columns) <= truth().columns.keys() for columns in truth().rows.values())
    assert all(row in truth().rows and column in truth().columns for row, column in truth().beyond)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_removing_any_single_policy_changes_the_table(policy: Policy) -> None:
    others = [one for one in POLICIES if one != policy]
    assert SCENE.computed(others) & SCENE.judged != SCENE.computed(POLICIES) & SCENE.judged


@pytest.mark.parametrize("layer", ["frontend", "api", "consumer", "data"])
def test_each_default_deny_policy_alone_blocks_both_directions_for_every_pod(layer: str) -> None:
    (denial,) = [p for p in POLICIES if (p.namespace, p.name) == (f"voting-{layer}", "default-deny")]
    pod, stranger = End("any", f"voting-{layer}", {"any": "label"}), SCENE.ends["stranger"]
    assert not connects([denial], pod, stranger, 80)
    assert not connects([denial], stranger, pod, 80)


def test_no_other_port_is_open() -> None:
    assert not may("frontend", "API pods", 9000)
    assert not may("api", "Redis pod", 5432)
    assert not may("consumer", "Redis pod", 22)
    assert not may("data", "DNS pods", 443)


def test_component_labels_open_nothing_in_another_namespace() -> None:
    impostor = End("impostor", "voting-frontend", SCENE.ends["API pods"].labels)
    assert not may(impostor, "Redis pod", 6379)
    assert not connects(POLICIES, SCENE.ends["frontend"], impostor, 8000)


def test_only_the_configured_peers_are_allowed_in() -> None:
    custom = {
        "monitoring": {"enabled": True, "prometheusNamespace": "watch"},
        "networkPolicies": {"ingressControllers": [{"namespaceSelector": {"matchLabels": {"role": "edge"}}}]},
    }
    policies = network_policies.policies(render(CHART, custom))
    scene = network_policies.scene(render(CHART, custom), values.merged(CHART, custom))
    assert scene.computed(policies) & scene.judged == truth().open(scene.judged)
    assert connects(policies, End("Prometheus", "watch"), scene.ends["consumer"], 9000)
    assert not connects(policies, End("ingress", "ingress-nginx"), scene.ends["API pods"], 8000)
