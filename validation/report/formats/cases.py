"""A run as suites of test cases, for formats that know nothing else. A checkpoint that is not PASSED is never only passed cases."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from validation.record.results import CheckpointResult, Verdict
from validation.record.scenario import Scenario
from validation.record.verdicts import Run, RunVerdict
from validation.report.findings import Finding
from validation.report.model import by_phase, headline, repeat, reproduce, unstable
from validation.report.since import NONE, facts
from validation.report.subject import properties_of
from validation.report.text import one_line, visible

MESSAGE_MAX = 500
DETAIL_MAX = 8000
"""Characters of one finding; a case with many findings has several."""
DETAILS_MAX = 50
"""Findings that one case spells out."""
VOTECHECK = "votecheck"


class Outcome(StrEnum):
    """What became of a case."""

    PASSED = "passed"
    FAILURE = "failure"
    """The system contradicts the protocol."""
    ERROR = "error"
    """The harness failed."""
    SKIPPED = "skipped"
    """It is not proven, or waived."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. All texts are visible characters.

    Attributes:
        group: what it belongs to: a checkpoint with its title.
        word: the outcome in the words of votecheck, such as NOT PROVEN; empty for a pass.
        seconds: its duration.
        message: one line that says why it did not pass.
        detail: all findings, and the command that repeats it.
        labels: what else is known of it by name: checkpoint, feature, fidelity.
        row: its row of Examples.
    """

    group: str
    name: str
    outcome: Outcome = Outcome.PASSED
    word: str = ""
    seconds: float = 0.0
    message: str = ""
    detail: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    row: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that belong together, and facts about all of them by name."""

    name: str
    cases: tuple[Case, ...]
    properties: Mapping[str, str] = field(default_factory=dict)


def of_run(run: Run) -> tuple[Suite, ...]:
    """Return one suite per phase with one case per scenario, then the harness errors, then the verdict."""
    suites = [Suite(phase.title, tuple(case for r in phase.results for case in _of_checkpoint(run, r))) for phase in by_phase(run)]
    if run.harness_errors:
        suites.append(Suite("Harness errors", tuple(_of_harness_error(what) for what in run.harness_errors)))
    return (*suites, _of_verdict(run))


def _of_harness_error(what: str) -> Case:
    return Case(
        VOTECHECK,
        "harness error",
        Outcome.ERROR,
        "HARNESS ERROR",
        message=one_line(what, 200) or "The harness failed.",
        detail=visible(what),
    )


def _of_verdict(run: Run) -> Suite:
    """Return the verdict as properties and as a case that passes only if the run is GO: all other cases can pass without that."""
    case = Case(VOTECHECK, "the release is cleared")
    if run.verdict is not RunVerdict.GO:
        message = f"{run.verdict}: {one_line(headline(run), MESSAGE_MAX)}"
        case = Case(VOTECHECK, "the release is cleared", Outcome.SKIPPED, str(run.verdict), message=message)
    named = {"verdict": str(run.verdict), "exit_code": str(run.exit_code), "gaps": " ".join(run.gaps), "repeat": repeat(run)}
    named |= {"unstable": unstable(run)} if run.unstable else {}
    named |= {f"validated.{name}": value for name, value in properties_of(run.subject).items()}
    named |= {f"since.{name}": value for name, value in (facts(run) or {"release": NONE}).items()}
    return Suite("Verdict", (case,), {one_line(name): one_line(value) for name, value in named.items()})


def _of_checkpoint(run: Run, result: CheckpointResult) -> Iterator[Case]:
    shown = [_of_scenario(run, result, scenario) for scenario in result.scenarios]
    yield from shown
    # A verdict that no scenario shows is a case of its own, for example an expired waiver or a checkpoint without scenarios.
    enough = {Outcome.FAILURE} if result.verdict is Verdict.FAILED else {Outcome.FAILURE, Outcome.ERROR, Outcome.SKIPPED}
    if result.verdict is not Verdict.PASSED and not enough.intersection(case.outcome for case in shown):
        outcome = Outcome.FAILURE if result.verdict is Verdict.FAILED else Outcome.SKIPPED
        message = f"{result.verdict}: {one_line(result.reason, MESSAGE_MAX)}"
        yield Case(_title(result), "verdict", outcome, str(result.verdict), message=message, labels={"checkpoint": result.checkpoint.id})


def _of_scenario(run: Run, result: CheckpointResult, scenario: Scenario) -> Case:
    outcome, word, message = _outcome(result, scenario)
    if result.waived_by and outcome in {Outcome.FAILURE, Outcome.ERROR}:
        message = f"{result.waived_by} {message}"
    findings = [visible(_written(Finding(scenario, one)), DETAIL_MAX) for one in scenario.wrong[:DETAILS_MAX]]
    findings += [f"{len(scenario.wrong) - DETAILS_MAX} more findings"] * (len(scenario.wrong) > DETAILS_MAX)
    labels = {"checkpoint": result.checkpoint.id, "feature": one_line(scenario.feature), "fidelity": scenario.fidelity}
    return Case(
        _title(result),
        one_line(scenario.name, 300),
        outcome,
        word,
        max(0.0, scenario.seconds),
        one_line(message, MESSAGE_MAX) or word,
        "" if outcome is Outcome.PASSED else "\n\n".join([*findings, visible(reproduce(run, result, scenario.name))]),
        labels,
        {one_line(name): one_line(value, MESSAGE_MAX) for name, value in scenario.row.items()},
    )


def _outcome(result: CheckpointResult, scenario: Scenario) -> tuple[Outcome, str, str]:
    if scenario.outcome == "passed":
        return Outcome.PASSED, "", ""
    if result.verdict is Verdict.WAIVED:
        return Outcome.SKIPPED, "WAIVED", f"WAIVED: {result.reason}"
    if scenario.outcome == "failed":
        return Outcome.FAILURE, "FAILED", scenario.reason
    if scenario.outcome == "error":
        return Outcome.ERROR, "HARNESS ERROR", f"HARNESS ERROR: {scenario.reason}"
    return Outcome.SKIPPED, "NOT PROVEN", f"NOT PROVEN: {scenario.reason}"


def _title(result: CheckpointResult) -> str:
    return one_line(f"{result.checkpoint.id} {result.checkpoint.title}")


def _written(one: Finding) -> str:
    o = one.observed
    given = f"row: {one.row}\n" * bool(one.row) + f"input:\n{o.input}\n" * bool(o.input)
    where = f"file: {o.file}\n" * bool(o.file)
    return f"{o.step}\n{o.subject}\nexpected: {o.expected}\nobserved: {o.observed}\n{where}{given}{o.evidence}\n{o.remedy}".strip()
