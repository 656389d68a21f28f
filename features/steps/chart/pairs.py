"""Steps that render the chart with every two of its values."""

from pathlib import Path
from typing import NamedTuple

from pytest_bdd import then, when

from validation.probes.chart.manifests import render, why_not_rendered
from validation.probes.chart.trials.coherence import faults
from validation.probes.chart.trials.pairs import trials
from validation.record.observe import Observe

FEWEST_PAIRS = 10_000


class Paired(NamedTuple):
    """The results: pairs tried, faults of the renderings, values refused by mistake, and the reasons for refusing what cannot work."""

    pairs: int
    faults: dict[str, tuple[str, ...]]
    refused: dict[str, str]
    reasons: dict[str, str]


@when("the chart is rendered so that every two of its values meet", target_fixture="paired")
def render_pairs(chart: Path) -> Paired:
    chosen = trials(chart)
    found: dict[str, tuple[str, ...]] = {}
    refused = {}
    for number, own in enumerate(chosen.working):
        reason = why_not_rendered(chart, own)
        if reason:
            refused[f"set {number}"] = reason
        else:
            found[f"set {number}"] = faults(render(chart, own), own)
    return Paired(chosen.pairs, found, refused, {name: why_not_rendered(chart, own) for name, own in chosen.refused})


@then("each rendering fits together, and each refusal names the values and what to do")
def pairs_fit(paired: Paired, observe: Observe) -> None:
    with observe.together():
        observe("pairs of values", expected=f"at least {FEWEST_PAIRS}", observed=paired.pairs, holds=paired.pairs >= FEWEST_PAIRS)
        observe("working values that the chart refuses", expected={}, observed=paired.refused, remedy="chart/templates/refusals.yaml")
        for name, found in paired.faults.items():
            observe(f"faults of {name}", expected=[], observed=sorted(set(found))[:5], remedy="chart/templates/refusals.yaml")
        observe("values that cannot work", expected="some", observed=list(paired.reasons), holds=bool(paired.reasons))
        for name, reason in paired.reasons.items():
            named = [word.partition(" = ")[0].rpartition(".")[2] for word in name.split(" and ")]
            holds = any(word in reason for word in named) and reason.endswith(".")
            observe(f"reason for refusing {name}", expected="a sentence that names a value", observed=reason or "rendered", holds=holds,
                    remedy="chart/templates/refusals.yaml")  # fmt: skip
