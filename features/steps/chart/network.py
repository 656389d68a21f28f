"""Steps about who may open a connection to whom, as the policies of the chart compute."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Any

from pytest_bdd import parsers, then, when

from validation.core.settings import RunSettings
from validation.policies.declared import Connections, Topology, declared, format_connections, format_table
from validation.policies.evaluator import Endpoint, Policy, may_connect
from validation.probes.chart import network_policies, values
from validation.probes.chart.manifests import render
from validation.record.observe import Observe

TWELVE = 12
OWN = {"API pods": 8000, "consumer": 9000, "Redis pod": 6379, "PostgreSQL pod": 5432}
"""What runs in the release, each with the port that it listens on."""
STRAY = 22
"""A port on which nothing of the release listens."""
PORTS = (*OWN.values(), 6380)
"""Those, and the one that Redis has elsewhere in the shipped values."""
ADDRESSES = ("192.0.2.10", "192.0.2.11", "192.0.2.12")
"""Servers elsewhere: two that shipped values name, and one that nobody names."""
REMEDY = "chart/templates/networkpolicies.yaml, or validation/policies/declared.toml"


@dataclass(frozen=True, slots=True)
class Computed:
    """What a chart renders to: its ends, and its policies."""

    topology: Topology
    policies: tuple[Policy, ...]


@when(parsers.parse("the table is computed from the policies that the chart renders with {file}"), target_fixture="chart_network")
def computed_of_file(settings: RunSettings, file: str) -> Computed:
    return _computed(settings.source / "chart", values.shipped(settings.source / "chart")[file])


@when("the table is computed without each of the chart's policies in turn", target_fixture="chart_network")
def computed_of_chart(settings: RunSettings) -> Computed:
    return _computed(settings.source / "chart", {})


@then("it is the declared one")
def is_declared(chart_network: Computed, observe: Observe) -> None:
    with observe.together():
        compare(chart_network.topology, chart_network.topology.allowed_by(chart_network.policies), observe)


@then("there are twelve, and each time it is another table")
def eachis_missed(chart_network: Computed, observe: Observe) -> None:
    topology, policies = chart_network.topology, chart_network.policies
    table = topology.allowed_by(policies) & topology.in_scope
    with observe.together():
        observe("policies", expected=TWELVE, observed=len(policies), evidence="\n".join(map(str, policies)))
        for policy in policies:
            other = topology.allowed_by(one for one in policies if one != policy) & topology.in_scope
            is_missed(policy, table, other, observe)


@when("the ways between the release and what is elsewhere are computed, for each shipped values file with policies", target_fixture="ways")
def ways_elsewhere(settings: RunSettings) -> dict[str, list[str]]:
    chart = settings.source / "chart"
    shipped = values.shipped(chart)
    return {file: _ways(chart, own) for file, own in shipped.items() if values.merged(chart, own)["networkPolicies"]["enabled"]}


@then("these are open, and no other")
def ways_are(ways: Mapping[str, list[str]], datatable: list[list[str]], observe: Observe) -> None:
    ways_declared: dict[str, list[str]] = {file: [] for file in ways}
    for file, source, targets in datatable[1:]:
        ways_declared.setdefault(file, []).extend(f"{source} → {target}" for target in targets.split(", "))
    with observe.together():
        for file, expected in ways_declared.items():
            observe(f"ways with {file}", expected=sorted(expected), observed=ways.get(file), remedy=REMEDY)


def _ways(chart: Path, own: Mapping[str, Any]) -> list[str]:
    """Give the ways that are open between pods of the release and KEDA, Prometheus, and servers elsewhere."""
    computed, given = _computed(chart, own), values.merged(chart, own)
    inside = {name: end for name, end in computed.topology.endpoints.items() if name in OWN}
    outside = [
        Endpoint("KEDA", given["consumer"]["keda"]["operatorNamespace"]),
        Endpoint("Prometheus", given["monitoring"]["prometheusNamespace"]),
    ]
    outside += [Endpoint(address, ip=address) for address in ADDRESSES]
    inwards = ((source, target, port) for source, (name, target) in product(outside, inside.items()) for port in (OWN[name], STRAY))
    ways = chain(inwards, product(inside.values(), outside, PORTS))
    return sorted(
        f"{source.name} → {target.name}:{port}" for source, target, port in ways if may_connect(computed.policies, source, target, port)
    )


def _computed(chart: Path, own: Mapping[str, Any]) -> Computed:
    manifests = render(chart, own)
    return Computed(network_policies.topology(manifests, values.merged(chart, own)), network_policies.policies(manifests))


def compare(topology: Topology, table: Connections, observe: Observe) -> None:
    """Compare a table with the declared one."""
    allowed, found = declared().allowed_among(topology.in_scope), table & topology.in_scope
    observe("connections declared as allowed, of those in scope", expected="some", observed=f"{len(allowed)} of {len(topology.in_scope)}",
            holds=bool(allowed), evidence=format_table(topology.in_scope, found))  # fmt: skip
    observe("allowed, though declared denied", expected=[], observed=format_connections(found - allowed), remedy=REMEDY)
    observe("denied, though declared allowed", expected=[], observed=format_connections(allowed - found), remedy=REMEDY)


def is_missed(policy: Policy, table: Connections, other: Connections, observe: Observe) -> None:
    """Hold the table without a policy against the one with all of them."""
    told = [f"opens {cell}" for cell in format_connections(other - table)] + [
        f"closes {cell}" for cell in format_connections(table - other)
    ]
    observe(f"what {policy} protects: without it, the table", expected="is another", observed=told or "is the same", holds=bool(told),
            remedy="a policy that nobody misses is noise: chart/templates/networkpolicies.yaml")  # fmt: skip
