"""Steps about the chart's values: what each changes, which branches they take, what the schema refuses, what they make is valid."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from pytest_bdd import parsers, then, when

from validation.probes.chart import branches, kubernetes_schemas, manifests, schema_rules, value_flips, values
from validation.probes.chart.branches import Branch
from validation.probes.chart.manifests import Manifest, Message
from validation.probes.chart.schema_rules import WrongValue
from validation.probes.chart.value_flips import Flip, Place
from validation.record.observe import Observe

NOT_IN_CORE = ("HTTPRoute", "PodMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication")
"""Kinds that other projects define: Kubernetes itself ships no schema of them."""

WRONG_VALUES = 1000
"""So many are made from the schema as it is, and some more: fewer would mean that most of it was not looked at."""

FREE = "api.ingress.annotations.*"
"""The one text that may be anything: it is for the ingress controller, which has its own rules."""


class Should(NamedTuple):
    """Where a value should change the render: an object, and a part of the path in it; empty is the whole object."""

    kind: str
    name: str
    path: str

    def is_at(self, place: Place) -> bool:
        """Tell whether a change is there."""
        inside = f".{self.path}." in f".{place.path}." if self.path else not place.path
        return inside and fnmatchcase(place.kind, self.kind) and fnmatchcase(place.name, self.name)


@when("each value of the chart is flipped, one at a time", target_fixture="flipped")
def flip_each(chart: Path) -> tuple[Flip, ...]:
    return value_flips.flips(chart, settings=[{}, *values.shipped(chart).values()])


@then("each changes what it should, and nothing else")
def flips_change(flipped: tuple[Flip, ...], datatable: list[list[str]], observe: Observe) -> None:
    expected = {pattern: _should(cell) for pattern, cell in datatable[1:]}
    with observe.together():
        observe("values that were flipped", expected="at least 80", observed=len(flipped), holds=len(flipped) >= 80)  # noqa: PLR2004
        idle = [pattern for pattern in expected if not any(fnmatchcase(flip.value, pattern) for flip in flipped)]
        observe("rows of the table that are about no value", expected=[], observed=idle)
        for flip in flipped:
            rows = [row for pattern, row in expected.items() if fnmatchcase(flip.value, pattern)]
            observe(
                f"rows of the table about {flip.value}", expected=1, observed=len(rows), remedy="say in the feature what it should change"
            )
            observe(f"places that {flip.value} changes", expected="at least one", observed=_said(flip), holds=bool(flip.places),
                    remedy=f"no template reads {flip.value}")  # fmt: skip
            for row in rows[:1]:
                missed = [" ".join(one).strip() for one in row if not any(one.is_at(place) for place in flip.places)]
                observe(f"places that {flip.value} should change and does not", expected=[], observed=missed, evidence=_said(flip))
                others = [f"{p.kind} {p.name} {p.path}" for p in flip.places if not any(one.is_at(p) for one in row)]
                observe(f"other places that {flip.value} changes", expected=[], observed=others)


@when("the templates say where they have been, rendered with every shipped values file", target_fixture="been")
def say_where(chart: Path) -> tuple[tuple[Branch, ...], tuple[Branch, ...]]:
    return branches.coverage(chart, values.shipped(chart).values())


@then("every branch was taken and not taken, save what cannot be")
def every_branch(been: tuple[tuple[Branch, ...], tuple[Branch, ...]], datatable: list[list[str]], observe: Observe) -> None:
    known, untaken = been
    cannot = [(f"templates/{template}", way) for template, way, _ in datatable[1:]]
    with observe.together():
        observe("ways through the templates", expected="at least 80", observed=len(known), holds=len(known) >= 80)  # noqa: PLR2004
        left = [str(b) for b in untaken if (b.template, b.condition) not in cannot]
        observe(
            "ways that no shipped values file takes",
            expected=[],
            observed=left,
            remedy="chart/ci: a shape that takes it, or take the branch out",
        )
        stale = [way for way in cannot if way not in {(b.template, b.condition) for b in untaken}]
        observe("ways that are said to be impossible and were taken, or are gone", expected=[], observed=stale)


@when("each rule of the schema is broken, in every place where it holds", target_fixture="refused")
def break_each_rule(chart: Path) -> tuple[WrongValue, ...]:
    return schema_rules.try_wrong_values(chart)


@then("every wrong value is refused, where a right one is taken")
def wrong_values_refused(refused: tuple[WrongValue, ...], chart: Path, observe: Observe) -> None:
    tried = {one.path for one in refused}
    untried = sorted({".".join(key) for key, _ in values.leaves(values.merged(chart))} - tried)
    with observe.together():
        observe("values that nothing wrong was given for", expected=[], observed=untried)
        observe("wrong values", expected=f"at least {WRONG_VALUES}", observed=len(refused), holds=len(refused) >= WRONG_VALUES)
        observe("values of which the schema says their kind alone", expected=[FREE], observed=list(schema_rules.unconstrained(refused)))
        taken = [f"{one.path} = {one.value!r:.40}: {one.violation}" for one in refused if one.accepted]
        observe("wrong values that the schema takes", expected=[], observed=taken[:20], remedy="values.schema.json")
        shut = sorted({one.path for one in refused if not one.control})
        observe(
            "places where a right value is refused too",
            expected=[],
            observed=shut,
            remedy="validation/probes/chart/schema_rules.py makes it",
        )


@when("the chart is linted with every shipped values file", target_fixture="messages")
def linted(chart: Path) -> dict[str, tuple[Message, ...]]:
    return {name: manifests.lint(chart, given) for name, given in values.shipped(chart).items()}


@then("there is no message of the linter")
def no_messages(messages: Mapping[str, tuple[Message, ...]], observe: Observe) -> None:
    with observe.together():
        for name, found in messages.items():
            observe(f"lint with {name}", expected=[], observed=[f"{m.severity.name} {m.path}: {m.text}" for m in found])


@when("a misspelt key is added at every level of the values", target_fixture="refusals")
def misspelt(chart: Path) -> dict[str, str | None]:
    every = values.merged(chart)
    levels = sorted({key[:depth] for key, _ in values.leaves(every) for depth in range(len(key))})
    return {".".join((*level, "misspelt")): values.schema_error(chart, _nested((*level, "misspelt"))) for level in levels}


@then("each is refused by the schema")
def all_refused(refusals: Mapping[str, str | None], observe: Observe) -> None:
    observe("levels of the values", expected="more than 10", observed=len(refusals), holds=len(refusals) > 10)  # noqa: PLR2004
    taken = [key for key, refusal in refusals.items() if refusal is None]
    observe("misspelt keys that the schema takes", expected=[], observed=taken, remedy="additionalProperties: false in values.schema.json")


@then(parsers.re(r"every one of at least (?P<fewest>\d+) objects is valid for 3 versions of Kubernetes"))
def valid_for_three(rendered: tuple[Manifest, ...], fewest: str, observe: Observe) -> None:
    core = [m for m in rendered if m.kind not in NOT_IN_CORE]
    with observe.together():
        observe("objects with a published schema", expected=f"at least {fewest}", observed=len(core), holds=len(core) >= int(fewest))
        for version in kubernetes_schemas.VERSIONS:
            wrong = [f"{e.manifest.kind} {e.manifest.name} {e.path}: {e.text}" for e in kubernetes_schemas.schema_errors(core, version)]
            observe(f"objects that Kubernetes {version} refuses", expected=[], observed=wrong[:5])


def _should(cell: str) -> list[Should]:
    """Read `Kind name, Kind name: path; Kind name`."""
    found = []
    for group in cell.split(";"):
        objects, _, path = group.strip().partition(": ")
        found += [Should(kind, name, path) for kind, name in (one.split() for one in objects.split(","))]
    return found


def _said(flip: Flip) -> str:
    return "; ".join(f"{p.kind} {p.name} {p.path}" for p in flip.places) or f"none ({flip.before!r} → {flip.after!r})"


def _nested(path: tuple[str, ...]) -> dict[str, Any]:
    nested: Any = 1
    for key in reversed(path):
        nested = {key: nested}
    return dict(nested)
