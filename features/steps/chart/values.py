"""Steps that change the chart's values: what each changes, which branches they take, and what the schema rejects."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from pytest_bdd import parsers, then, when

from validation.core.readable import readable
from validation.core.settings import PROJECT
from validation.probes.chart import branches, kubernetes_schemas, manifests, schema_rules, value_flips, values
from validation.probes.chart.branches import Branch
from validation.probes.chart.manifests import Manifest, Message
from validation.probes.chart.schema_rules import WrongValue
from validation.probes.chart.value_flips import Flip, Place
from validation.probes.source import scenarios
from validation.record.observe import Observe

NOT_IN_CORE = ("HTTPRoute", "PodMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication")
"""Custom resources: Kubernetes has no schema for these kinds."""

INVALID_VALUES = 1000
"""The schema yields more than this; fewer would mean that most of its rules were not tried."""

UNRESTRICTED = "api.ingress.annotations.*"
"""The one value that may be any text: the ingress controller has its own rules for it."""


class Expected(NamedTuple):
    """Where a value should change the rendered chart: an object and part of a path in it, or the whole object if the path is empty."""

    kind: str
    name: str
    path: str

    def is_at(self, place: Place) -> bool:
        """Return whether a change is at this place."""
        inside = f".{self.path}." in f".{place.path}." if self.path else not place.path
        return inside and fnmatchcase(place.kind, self.kind) and fnmatchcase(place.name, self.name)


@when("each value of the chart is changed on its own", target_fixture="flipped")
def flip_each(chart: Path) -> tuple[Flip, ...]:
    return value_flips.flips(chart, settings=[{}, value_flips.PORTS_ARE_OPEN, *values.shipped(chart).values()])


@then("each changes what it should and nothing else")
def flips_change(flipped: tuple[Flip, ...], datatable: list[list[str]], observe: Observe) -> None:
    expected = {pattern: _expected(cell) for pattern, cell in datatable[1:]}
    with observe.together():
        observe("values changed", expected="at least 80", observed=len(flipped), holds=len(flipped) >= 80)  # noqa: PLR2004
        unused = [pattern for pattern in expected if not any(fnmatchcase(flip.value, pattern) for flip in flipped)]
        observe("rows of the table that match no value", expected=[], observed=unused)
        for flip in flipped:
            rows = [row for pattern, row in expected.items() if fnmatchcase(flip.value, pattern)]
            observe(f"rows of the table for {flip.value}", expected=1, observed=len(rows), remedy="add what it should change to the table")
            if flip.value in expected and rows == [[]]:
                observe(f"another value of {flip.value}", expected="refused", observed=_changes(flip), holds=flip.after is None)
                continue
            observe(f"places that {flip.value} changes", expected="at least one", observed=_changes(flip), holds=bool(flip.places),
                    remedy=f"read {flip.value} in a template, or remove it")  # fmt: skip
            for row in rows[:1]:
                missed = [" ".join(one).strip() for one in row if not any(one.is_at(place) for place in flip.places)]
                observe(f"places that {flip.value} should change but does not", expected=[], observed=missed, evidence=_changes(flip))
                others = [f"{p.kind} {p.name} {p.path}" for p in flip.places if not any(one.is_at(p) for one in row)]
                observe(f"other places that {flip.value} changes", expected=[], observed=others)


@then("each object that changes states the new value, every item of it in order")
def flips_are_stated(flipped: tuple[Flip, ...], datatable: list[list[str]], observe: Observe) -> None:
    exceptions = {pattern for pattern, _ in datatable[1:]}
    compared = [flip for flip in flipped if flip.places and not isinstance(flip.after, bool)]
    with observe.together():
        observe("values compared with what is rendered", expected="at least 60", observed=len(compared), holds=len(compared) >= 60)  # noqa: PLR2004
        unused = [one for one in exceptions if not any(flip.value == one and flip.missing() for flip in compared)]
        observe("exceptions that are not needed", expected=[], observed=unused)
        for flip in compared:
            if flip.value not in exceptions:
                what = f"items of {flip.value} = {readable(flip.after)} that an object does not state"
                observe(what, expected={}, observed=flip.missing(), evidence=flip.stated, remedy="chart/templates")


@when("the templates record their branches while every shipped values file is rendered", target_fixture="recorded_branches")
def record_branches(chart: Path) -> tuple[tuple[Branch, ...], tuple[Branch, ...]]:
    return branches.coverage(chart, values.shipped(chart).values())


@then("every branch was taken and not taken, except impossible ones")
def every_branch(recorded_branches: tuple[tuple[Branch, ...], tuple[Branch, ...]], datatable: list[list[str]], observe: Observe) -> None:
    known, untaken = recorded_branches
    impossible = [(f"templates/{template}", way) for template, way, _ in datatable[1:]]
    with observe.together():
        observe("branches of the templates", expected="at least 80", observed=len(known), holds=len(known) >= 80)  # noqa: PLR2004
        left = [str(b) for b in untaken if (b.template, b.condition) not in impossible]
        observe(
            "branches that no shipped values file takes",
            expected=[],
            observed=left,
            remedy="add a values file to chart/ci that takes it, or remove the branch",
        )
        stale = [way for way in impossible if way not in {(b.template, b.condition) for b in untaken}]
        observe("branches listed as impossible that were taken or no longer exist", expected=[], observed=stale)


@when("each rule of the schema is broken, wherever it applies", target_fixture="tried")
def break_each_rule(chart: Path) -> tuple[WrongValue, ...]:
    return schema_rules.try_wrong_values(chart)


@then("every invalid value is rejected where a valid one is accepted")
def invalid_values_rejected(tried: tuple[WrongValue, ...], chart: Path, observe: Observe) -> None:
    untried = sorted({".".join(key) for key, _ in values.leaves(values.merged(chart))} - {one.path for one in tried})
    with observe.together():
        observe("values without an invalid candidate", expected=[], observed=untried)
        observe("invalid values", expected=f"at least {INVALID_VALUES}", observed=len(tried), holds=len(tried) >= INVALID_VALUES)
        observe(
            "values for which the schema only states the type", expected=[UNRESTRICTED], observed=list(schema_rules.unconstrained(tried))
        )
        accepted = [f"{one.path} = {readable(one.value):.40}: {one.violation}" for one in tried if one.accepted]
        observe("invalid values that the schema accepts", expected=[], observed=accepted[:20], remedy="values.schema.json")
        closed = sorted({one.path for one in tried if not one.control})
        observe(
            "values for which a valid candidate is rejected too",
            expected=[],
            observed=closed,
            remedy="validation/probes/chart/schema_rules.py makes the candidates",
        )


@when("the chart is linted with every shipped values file", target_fixture="messages")
def linted(chart: Path) -> dict[str, tuple[Message, ...]]:
    return {name: manifests.lint(chart, given) for name, given in values.shipped(chart).items()}


@then("the linter reports nothing")
def no_messages(messages: Mapping[str, tuple[Message, ...]], observe: Observe) -> None:
    with observe.together():
        for name, found in messages.items():
            observe(f"linter messages with {name}", expected=[], observed=[f"{m.severity.name} {m.path}: {m.text}" for m in found])


@then("every shipped values file is an example of each of these outlines")
def every_file_is_an_example(messages: Mapping[str, tuple[Message, ...]], datatable: list[list[str]], observe: Observe) -> None:
    written = scenarios.read(PROJECT)
    with observe.together():
        for (outline,) in datatable[1:]:
            examples = {row[0] for one in written if one.name == outline for row in one.examples}
            observe(f'values files among the examples of "{outline}"', expected=sorted(messages), observed=sorted(examples),
                    remedy="add the file to the examples")  # fmt: skip


@when("a misspelled key is added at every level of the values", target_fixture="refusals")
def misspelled(chart: Path) -> dict[str, str | None]:
    every = values.merged(chart)
    levels = sorted({key[:depth] for key, _ in values.leaves(every) for depth in range(len(key))})
    return {".".join((*level, "misspelled")): values.schema_error(chart, _nested((*level, "misspelled"))) for level in levels}


@then("the schema rejects each of them")
def all_rejected(refusals: Mapping[str, str | None], observe: Observe) -> None:
    observe("levels of the values", expected="more than 10", observed=len(refusals), holds=len(refusals) > 10)  # noqa: PLR2004
    accepted = [key for key, refusal in refusals.items() if refusal is None]
    observe(
        "misspelled keys that the schema accepts",
        expected=[],
        observed=accepted,
        remedy="additionalProperties: false in values.schema.json",
    )


@then(parsers.re(r"each of at least (?P<fewest>\d+) objects is valid for 3 Kubernetes versions"))
def valid_for_three(rendered: tuple[Manifest, ...], fewest: str, observe: Observe) -> None:
    core = [m for m in rendered if m.kind not in NOT_IN_CORE]
    with observe.together():
        observe("objects with a published schema", expected=f"at least {fewest}", observed=len(core), holds=len(core) >= int(fewest))
        for version in kubernetes_schemas.VERSIONS:
            wrong = [f"{e.manifest.kind} {e.manifest.name} {e.path}: {e.text}" for e in kubernetes_schemas.schema_errors(core, version)]
            observe(f"objects that Kubernetes {version} rejects", expected=[], observed=wrong[:5])


def _expected(cell: str) -> list[Expected]:
    """Parse `Kind name, Kind name: path; Kind name`. `refused` means that the chart refuses every other value."""
    found: list[Expected] = []
    if cell == "refused":
        return found
    for group in cell.split(";"):
        objects, _, path = group.strip().partition(": ")
        found += [Expected(kind, name, path) for kind, name in (one.split() for one in objects.split(","))]
    return found


def _changes(flip: Flip) -> str:
    return "; ".join(f"{p.kind} {p.name} {p.path}" for p in flip.places) or f"none ({readable(flip.before)} → {readable(flip.after)})"


def _nested(path: tuple[str, ...]) -> dict[str, Any]:
    nested: Any = 1
    for key in reversed(path):
        nested = {key: nested}
    return dict(nested)
