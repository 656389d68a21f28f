"""Steps about names that look like something else, and about platforms that choose the users."""

from pathlib import Path

from pytest_bdd import parsers, then, when

from features.support.chart import containers, place_of
from validation.probes.chart import values
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.trials import lookalikes
from validation.probes.chart.trials.lookalikes import LOOKALIKES, Rendered
from validation.probes.chart.workloads import CONFINED, confinement
from validation.record.observe import Observe

FEWEST_PLACES = 20
"""A name such as `123` is valid in at least this many values."""
IDS = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups")


@when(
    parsers.re(r"the chart is rendered with look-alikes of numbers, dates, booleans and syntax in every value of (?P<file>\S+\.yaml)"),
    target_fixture="lookalikes_rendered",
)
def render_lookalikes(chart: Path, file: str) -> tuple[Rendered, ...]:
    return lookalikes.render_with(chart, LOOKALIKES, values.shipped(chart)[file])


@then("every object stays valid, and every look-alike is quoted")
def lookalikes_are_text(lookalikes_rendered: tuple[Rendered, ...], observe: Observe) -> None:
    with observe.together():
        widest = max(lookalikes_rendered, key=lambda one: len(one.places))
        observe(f"values that may be {widest.text!r}", expected=f"at least {FEWEST_PLACES}", observed=list(widest.places),
                holds=len(widest.places) >= FEWEST_PLACES)  # fmt: skip
        for one in lookalikes_rendered:
            faults = list(one.faults[:5])
            observe(f"objects in which {one.text} is not text", expected=[], observed=faults, remedy="quote it in chart/templates")


@then("every container is confined and no pod states a user or a group")
def platform_chooses_users(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    found = list(containers(rendered))
    with observe.together():
        observe("containers", expected="at least 6", observed=len(found), holds=len(found) >= 6)  # noqa: PLR2004 - one for each workload
        for workload, container in found:
            where = place_of(workload, container)
            observe(f"confinement of {where}", expected=CONFINED, observed=confinement(workload, container))
            contexts = (workload.pod.get("securityContext") or {}) | (container.body.get("securityContext") or {})
            stated = sorted(contexts.keys() & set(IDS))
            observe(f"users and groups of {where}", expected=[], observed=stated, remedy="pods.fixedIds in chart/templates/_helpers.tpl")
