"""Steps that render the chart at the edge of each refusal."""

from pathlib import Path
from typing import NamedTuple

from pytest_bdd import parsers, then, when

from validation.probes.chart import values
from validation.probes.chart.manifests import RenderFailed, render, why_not_rendered
from validation.probes.chart.trials.coherence import faults
from validation.probes.chart.trials.edges import Edge, edges
from validation.record.observe import Observe

REMEDY = "chart/templates/refusals.yaml"


class Tried(NamedTuple):
    """An edge, why the chart refused its last working number, what did not fit together there, and why it refused the next number."""

    edge: Edge
    refused: str
    faults: tuple[str, ...]
    reason: str


@when("each number that decides a refusal is at its edge, and one past it", target_fixture="at_edges")
def render_edges(chart: Path) -> list[Tried]:
    return [_tried(chart, edge) for edge in edges(chart)]


@then(parsers.re(r"the chart renders with each of at least (?P<fewest>\d+) edges, and refuses what is past it for that reason alone"))
def edges_are_exact(at_edges: list[Tried], fewest: str, observe: Observe) -> None:
    with observe.together():
        observe("edges", expected=f"at least {fewest}", observed=len(at_edges), holds=len(at_edges) >= int(fewest))
        for edge, refused, found, reason in at_edges:
            at = f"{edge.what}: {edge.number}"
            observe(f"{at}, refused", expected="", observed=refused, remedy=REMEDY)
            observe(f"{at}, what does not fit together", expected=[], observed=sorted(set(found))[:5], remedy=REMEDY)
            named = edge.named in reason and len(reason.splitlines()) == 1
            observe(f"{at}, and one past it", expected=f"refused: one sentence about {edge.named}", observed=reason or "rendered",
                    holds=named, remedy=REMEDY)  # fmt: skip


def _tried(chart: Path, edge: Edge) -> Tried:
    refused, found = "", tuple[str, ...]()
    try:
        found = faults(render(chart, edge.works), values.merged(chart, edge.works))
    except RenderFailed as failed:
        refused = failed.reason
    return Tried(edge, refused, found, why_not_rendered(chart, edge.refused))
