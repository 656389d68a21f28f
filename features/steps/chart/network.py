"""Steps about who may open a connection to whom, as the policies of the chart compute."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Any

from pytest_bdd import parsers, then, when

from validation.core.settings import RunSettings
from validation.policies.declared import Cells, Scene, truth, words, written
from validation.policies.evaluator import End, Policy, connects
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

    scene: Scene
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
        compare(chart_network.scene, chart_network.scene.computed(chart_network.policies), observe)


@then("there are twelve, and each time it is another table")
def eachis_missed(chart_network: Computed, observe: Observe) -> None:
    scene, policies = chart_network.scene, chart_network.policies
    table = scene.computed(policies) & scene.judged
    with observe.together():
        observe("policies", expected=TWELVE, observed=len(policies), evidence="\n".join(map(str, policies)))
        for policy in policies:
            other = scene.computed(one for one in policies if one != policy) & scene.judged
            is_missed(policy, table, other, observe)


@when("the ways between the release and what is elsewhere are computed, for each shipped values file with policies", target_fixture="ways")
def ways_elsewhere(settings: RunSettings) -> dict[str, list[str]]:
    chart = settings.source / "chart"
    shipped = values.shipped(chart)
    return {file: _ways(chart, own) for file, own in shipped.items() if values.merged(chart, own)["networkPolicies"]["enabled"]}


@then("these are open, and no other")
def ways_are(ways: Mapping[str, list[str]], datatable: list[list[str]], observe: Observe) -> None:
    declared: dict[str, list[str]] = {file: [] for file in ways}
    for file, source, targets in datatable[1:]:
        declared.setdefault(file, []).extend(f"{source} → {target}" for target in targets.split(", "))
    with observe.together():
        for file, expected in declared.items():
            observe(f"ways with {file}", expected=sorted(expected), observed=ways.get(file), remedy=REMEDY)


def _ways(chart: Path, own: Mapping[str, Any]) -> list[str]:
    """Give the ways that are open between pods of the release and KEDA, Prometheus, and servers elsewhere."""
    computed, given = _computed(chart, own), values.merged(chart, own)
    inside = {name: end for name, end in computed.scene.ends.items() if name in OWN}
    outside = [End("KEDA", given["consumer"]["keda"]["operatorNamespace"]), End("Prometheus", given["monitoring"]["prometheusNamespace"])]
    outside += [End(address, ip=address) for address in ADDRESSES]
    inwards = ((source, target, port) for source, (name, target) in product(outside, inside.items()) for port in (OWN[name], STRAY))
    ways = chain(inwards, product(inside.values(), outside, PORTS))
    return sorted(
        f"{source.name} → {target.name}:{port}" for source, target, port in ways if connects(computed.policies, source, target, port)
    )


def _computed(chart: Path, own: Mapping[str, Any]) -> Computed:
    manifests = render(chart, own)
    return Computed(network_policies.scene(manifests, values.merged(chart, own)), network_policies.policies(manifests))


def compare(scene: Scene, table: Cells, observe: Observe) -> None:
    """Hold a table against the declared one."""
    declared, judged = truth().open(scene.judged), table & scene.judged
    observe("cells that are declared open, of those that are judged", expected="some", observed=f"{len(declared)} of {len(scene.judged)}",
            holds=bool(declared), evidence=written(scene.judged, judged))  # fmt: skip
    observe("open, though declared refused", expected=[], observed=words(judged - declared), remedy=REMEDY)
    observe("refused, though declared open", expected=[], observed=words(declared - judged), remedy=REMEDY)


def is_missed(policy: Policy, table: Cells, other: Cells, observe: Observe) -> None:
    """Hold the table without a policy against the one with all of them."""
    told = [f"opens {cell}" for cell in words(other - table)] + [f"closes {cell}" for cell in words(table - other)]
    observe(f"what {policy} protects: without it, the table", expected="is another", observed=told or "is the same", holds=bool(told),
            remedy="a policy that nobody misses is noise: chart/templates/networkpolicies.yaml")  # fmt: skip
