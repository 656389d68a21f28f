"""Steps that compute from the chart's policies which part may open a connection to which."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Any

from pytest_bdd import parsers, then, when

from features.support.network import POLICIES, REMEDY, observe_as_declared, observe_necessary
from validation.core.settings import RunSettings
from validation.policies.declared import Topology
from validation.policies.evaluator import Endpoint, Policy, may_connect
from validation.probes.chart import network_policies, values
from validation.probes.chart.manifests import render
from validation.probes.explained import network as explained_network
from validation.record.observe import Observe

OWN = {"API pods": 8000, "consumer": 9000, "Redis pod": 6379, "PostgreSQL pod": 5432}
"""The parts of the release, each with the port that it listens on."""
OTHER_PORT = 22
"""A port on which nothing in the release listens."""
PORTS = (*OWN.values(), 6380)
"""Those, and the port of the external Redis in the shipped values."""
ADDRESSES = ("192.0.2.10", "192.0.2.11", "192.0.2.12")
"""External servers: two from the shipped values, and one that no values file names."""


@dataclass(frozen=True, slots=True)
class Computed:
    """The endpoints and the policies of a rendered chart."""

    topology: Topology
    policies: tuple[Policy, ...]


@when(parsers.parse("the table is computed from the policies that the chart renders with {file}"), target_fixture="chart_network")
def computed_of_file(settings: RunSettings, file: str) -> Computed:
    return _computed(settings.source / "chart", values.shipped(settings.source / "chart")[file])


@when("the table is computed without each policy of the chart in turn", target_fixture="chart_network")
def computed_of_chart(settings: RunSettings) -> Computed:
    return _computed(settings.source / "chart", {})


@then("it is the declared table")
def is_declared(chart_network: Computed, observe: Observe) -> None:
    with observe.together():
        observe_as_declared(chart_network.topology, chart_network.topology.allowed_by(chart_network.policies), observe)


@then("there are twelve policies, and each changes the table")
def each_is_necessary(chart_network: Computed, observe: Observe) -> None:
    topology, policies = chart_network.topology, chart_network.policies
    table = topology.allowed_by(policies) & topology.in_scope
    with observe.together():
        observe("policies", expected=POLICIES, observed=len(policies), evidence="\n".join(map(str, policies)))
        for policy in policies:
            without = topology.allowed_by(one for one in policies if one != policy) & topology.in_scope
            observe_necessary(policy, table, without, observe)


@when("the connections between the release and other namespaces and servers are computed for each shipped values file with policies",
      target_fixture="connections_outside")  # fmt: skip
def connections_outside_release(settings: RunSettings) -> dict[str, list[str]]:
    chart = settings.source / "chart"
    shipped = values.shipped(chart)
    return {
        file: _allowed_connections(chart, own) for file, own in shipped.items() if values.merged(chart, own)["networkPolicies"]["enabled"]
    }


@then("exactly these are allowed")
def allowed_connections_are(connections_outside: Mapping[str, list[str]], datatable: list[list[str]], observe: Observe) -> None:
    declared: dict[str, list[str]] = {file: [] for file in connections_outside}
    for file, source, targets in datatable[1:]:
        declared.setdefault(file, []).extend(f"{source} → {target}" for target in targets.split(", "))
    with observe.together():
        for file, expected in declared.items():
            observe(f"allowed connections with {file}", expected=sorted(expected), observed=connections_outside.get(file), remedy=REMEDY)


@when(parsers.parse("what each end of every connection allows is computed with {file}"), target_fixture="differing_ends")
def computed_ends(settings: RunSettings, file: str) -> list[str]:
    chart = settings.source / "chart"
    own = values.shipped(chart)[file]
    return explained_network.differences(render(chart, own), values.merged(chart, own))


@then("each pod opens and accepts exactly the connections that the table explains")
def ends_are_explained(differing_ends: list[str], observe: Observe) -> None:
    remedy = "chart/templates/networkpolicies.yaml, or the reason in validation/probes/explained/network.toml"
    observe(
        "ends that differ from their table", expected=[], observed=differing_ends[:8], evidence="\n".join(differing_ends), remedy=remedy
    )


def _allowed_connections(chart: Path, own: Mapping[str, Any]) -> list[str]:
    """Return the allowed connections between the pods of the release and KEDA, Prometheus and external servers."""
    computed, given = _computed(chart, own), values.merged(chart, own)
    inside = {name: end for name, end in computed.topology.endpoints.items() if name in OWN}
    outside = [
        Endpoint("KEDA", given["consumer"]["keda"]["operatorNamespace"]),
        Endpoint("Prometheus", given["monitoring"]["prometheusNamespace"]),
    ]
    outside += [Endpoint(address, ip=address) for address in ADDRESSES]
    inward = ((source, target, port) for source, (name, target) in product(outside, inside.items()) for port in (OWN[name], OTHER_PORT))
    tried = chain(inward, product(inside.values(), outside, PORTS))
    return sorted(
        f"{source.name} → {target.name}:{port}" for source, target, port in tried if may_connect(computed.policies, source, target, port)
    )


def _computed(chart: Path, own: Mapping[str, Any]) -> Computed:
    manifests = render(chart, own)
    return Computed(network_policies.topology(manifests, values.merged(chart, own)), network_policies.policies(manifests))
