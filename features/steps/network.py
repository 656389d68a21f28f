"""Steps about who may open a connection to whom, as the policies of the chart compute."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_bdd import parsers, then, when

from validation.network import rendered
from validation.network.evaluator import Policy
from validation.network.truth import Cells, Scene, truth, words, written
from validation.observing import Observe
from validation.probes import values
from validation.probes.manifests import render
from validation.settings import RunSettings

TWELVE = 12
REMEDY = "chart/templates/networkpolicies.yaml, or validation/network/truth.toml"


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


def _computed(chart: Path, own: Mapping[str, Any]) -> Computed:
    manifests = render(chart, own)
    return Computed(rendered.scene(manifests, values.merged(chart, own)), rendered.policies(manifests))


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
