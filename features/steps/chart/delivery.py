"""Steps about the order in which Helm, Flux and Argo CD apply the chart."""

from pathlib import Path

from pytest_bdd import parsers, then, when

from features.support.chart import render
from validation.probes.chart import delivery, values
from validation.probes.chart.manifests import Manifest
from validation.record.observe import Observe

REMEDY = "hooks and waves in chart/templates"


@then(parsers.re(f"no object waits for a later one when (?P<tool>{'|'.join(delivery.TOOLS)}) applies the chart"))
def nothing_waits(rendered: tuple[Manifest, ...], tool: str, observe: Observe) -> None:
    stages = delivery.stages(rendered, tool)
    order = " → ".join(f"{stage.name} ({len(stage.manifests)})" for stage in stages)
    migrations = [stage.name for stage in stages for one in stage.manifests if (one.kind, one.name) == delivery.MIGRATION]
    with observe.together():
        observe("stages with the migration", expected="at least one", observed=migrations, holds=bool(migrations), evidence=order)
        waiting = list(delivery.waits_for_later(rendered, tool))
        observe("objects that wait for a later one", expected=[], observed=waiting, evidence=order, remedy=REMEDY)
        # A first installation with Helm applies everything before its hook; there API and consumer wait for the schema themselves.
        early = [] if tool == delivery.INSTALL else list(delivery.ahead_of_migration(rendered, tool))
        observe("Deployments that would run on an old schema", expected=[], observed=early, evidence=order, remedy=REMEDY)


@then("each hook has a deadline and is deleted before it is created again")
def hooks_end(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    observe("hooks that may run for ever or only once", expected=[], observed=list(delivery.endless_hooks(rendered)), remedy=REMEDY)


@when("rendered once more without a cluster", target_fixture="rendered_again")
def render_again(chart: Path, observe: Observe) -> tuple[Manifest, ...]:
    return render(chart, values.shipped(chart)["gitops-values.yaml"], observe)


@then("both renderings are equal")
def renderings_are_equal(rendered: tuple[Manifest, ...], rendered_again: tuple[Manifest, ...], observe: Observe) -> None:
    counts = len(rendered), len(rendered_again)
    observe("objects of the two renderings", expected="the same number, at least 10", observed=counts, holds=counts[0] == counts[1] >= 10)  # noqa: PLR2004
    differing = [f"{one.kind} {one.name}" for one, other in zip(rendered, rendered_again, strict=True) if one != other]
    with observe.together():
        observe("objects", expected="some", observed=len(rendered), holds=bool(rendered))
        observe("objects that differ", expected=[], observed=differing, remedy="no random text and no lookup with secrets.existingSecret")
