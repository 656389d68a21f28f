"""From recorded events to verdicts. Pure: the same events, registry, waivers and date give the same verdicts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from validation.core.settings import TARGETS, highest
from validation.record.events import (
    Event,
    Finished,
    HarnessFailed,
    Measured,
    Observed,
    Planned,
    RunFinished,
    RunStarted,
    Snapshot,
    Started,
)
from validation.registry.checkpoints import Checkpoint


class Verdict(StrEnum):
    """The verdict on one checkpoint."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_PROVEN = "NOT PROVEN"
    WAIVED = "WAIVED"


class RunVerdict(StrEnum):
    """The verdict on a run."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCOMPLETE = "INCOMPLETE"


EXIT_CODES = {RunVerdict.GO: 0, RunVerdict.NO_GO: 1, RunVerdict.INCOMPLETE: 3}
USAGE_EXIT, HARNESS_EXIT, INTERRUPTED_EXIT = 2, 3, 130


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario of a run, with its outcome and observations."""

    id: str
    name: str
    feature: str
    checkpoints: tuple[str, ...]
    outcome: str
    reason: str
    seconds: float
    fidelity: str
    observations: tuple[Observed, ...]

    @property
    def wrong(self) -> tuple[Observed, ...]:
        """The observations that contradict the protocol."""
        return tuple(o for o in self.observations if not o.ok)


@dataclass(frozen=True, slots=True)
class Waiver:
    """Permission to ship although a checkpoint is not PASSED."""

    id: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """One checkpoint with its verdict and the scenarios behind it.

    Attributes:
        checkpoint: the entry of the registry.
        verdict: PASSED, FAILED, NOT PROVEN or WAIVED.
        reason: why it is not PASSED; empty when it is.
        proven_at: the highest fidelity at which a scenario passed; empty for none.
        unchecked_at: the fidelities that the checkpoint names and this target lacks.
        scenarios: its scenarios in this run.
    """

    checkpoint: Checkpoint
    verdict: Verdict
    reason: str
    proven_at: str
    unchecked_at: tuple[str, ...]
    scenarios: tuple[Scenario, ...]

    @property
    def findings(self) -> tuple[Observed, ...]:
        """The wrong observations of all its scenarios."""
        return tuple(o for s in self.scenarios for o in s.wrong)

    @property
    def observations(self) -> int:
        """The number of facts that were compared."""
        return sum(len(s.observations) for s in self.scenarios)

    @property
    def seconds(self) -> float:
        """The total duration of its scenarios, in seconds."""
        return sum(s.seconds for s in self.scenarios)


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its verdict."""

    started: RunStarted
    verdict: RunVerdict
    results: tuple[CheckpointResult, ...]
    harness_errors: tuple[str, ...]
    measurements: tuple[Measured, ...]
    seconds: float
    snapshots: tuple[Snapshot, ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit code of `votecheck run`."""
        return EXIT_CODES[self.verdict]

    @property
    def harness_failed(self) -> bool:
        """Whether the harness itself failed: `--accept-incomplete` does not accept such a run."""
        return bool(self.harness_errors) or any(s.outcome == "error" for r in self.results for s in r.scenarios)

    def count(self, verdict: Verdict) -> int:
        """Return the number of checkpoints with a verdict."""
        return sum(r.verdict is verdict for r in self.results)


def evaluate(events: Iterable[Event], registry: dict[str, Checkpoint], today: date) -> Run:
    """Return the verdict on a run and on every checkpoint in its scope.

    Args:
        events: the record of the run, in order.
        registry: all checkpoints by id.
        today: the date against which waivers expire.
    """
    recorded = tuple(events)
    started = next((e for e in recorded if isinstance(e, RunStarted)), None) or RunStarted("", "local", "", [], [], {}, {}, [])
    finished = next((e for e in recorded if isinstance(e, RunFinished)), None)
    harness_errors = [e.what for e in recorded if isinstance(e, HarnessFailed)]
    if finished is None:
        harness_errors.append("The run was cut off: its record has no end.")
    if not started.scope:
        harness_errors.append("The run had no checkpoint in scope.")
    scenarios = _scenarios(recorded)
    waivers = {w["id"]: Waiver(w["id"], w["reason"], w["owner"], date.fromisoformat(w["expires"])) for w in started.waivers}
    results = tuple(
        _waive(_result(registry[i], [s for s in scenarios if i in s.checkpoints], TARGETS[started.target]), waivers.get(i), today)
        for i in started.scope
    )
    return Run(
        started=started,
        verdict=_of_run(results, harness_errors),
        results=results,
        harness_errors=tuple(harness_errors),
        measurements=tuple(e for e in recorded if isinstance(e, Measured)),
        seconds=finished.seconds if finished else 0.0,
        snapshots=tuple(e for e in recorded if isinstance(e, Snapshot)),
    )


def _of_run(results: Sequence[CheckpointResult], harness_errors: Sequence[str]) -> RunVerdict:
    verdicts = {r.verdict for r in results}
    if Verdict.FAILED in verdicts:
        return RunVerdict.NO_GO
    if harness_errors or not verdicts or Verdict.NOT_PROVEN in verdicts:
        return RunVerdict.INCOMPLETE
    return RunVerdict.GO


def _scenarios(events: Sequence[Event]) -> list[Scenario]:
    ends: dict[str, list[Finished]] = {}
    observed: dict[str, list[Observed]] = {}
    starts: dict[str, Planned | Started] = {}
    for event in events:
        if isinstance(event, Planned | Started):
            starts[event.scenario] = event
        elif isinstance(event, Observed):
            observed.setdefault(event.scenario, []).append(event)
        elif isinstance(event, Finished):
            ends.setdefault(event.scenario, []).append(event)
    return [_scenario(start, ends.get(identifier, []), tuple(observed.get(identifier, []))) for identifier, start in starts.items()]


def _scenario(start: Planned | Started, ends: list[Finished], observations: tuple[Observed, ...]) -> Scenario:
    if isinstance(start, Planned):
        last = Finished(start.scenario, "not_proven", "The scenario was planned and never started.", 0.0, "")
    else:
        last = ends[-1] if ends else Finished(start.scenario, "error", "The scenario started and never finished.", 0.0, "")
    outcome, reason = last.outcome, last.reason
    if len(ends) > 1 and outcome == "passed":
        outcome, reason = "not_proven", f"Flaky: it ran {len(ends)} times, and a pass after a failure does not count."
    if any(not o.ok for o in observations):
        outcome = "failed"
    elif outcome == "passed" and not observations:
        outcome, reason = "not_proven", "The scenario passed without a single observation."
    elif outcome == "failed":
        outcome, reason = "error", f"It failed without a wrong observation: {reason}"
    return Scenario(
        start.scenario, start.name, start.feature, tuple(start.checkpoints), outcome, reason, last.seconds, last.fidelity, observations
    )


def _result(checkpoint: Checkpoint, scenarios: list[Scenario], shows: frozenset[str]) -> CheckpointResult:
    proven_at = highest(s.fidelity for s in scenarios if s.outcome == "passed" and s.fidelity)
    unchecked_at = tuple(n for n in checkpoint.needs if n not in shows)
    passed = CheckpointResult(checkpoint, Verdict.PASSED, "", proven_at, unchecked_at, tuple(scenarios))
    wrong = [s for s in scenarios if s.outcome == "failed"]
    unproven = [s for s in scenarios if s.outcome not in ("passed", "failed")]
    if wrong:
        return replace(passed, verdict=Verdict.FAILED, reason=f"{wrong[0].name}: {_first_line(wrong[0].reason)}")
    if unproven:
        return replace(passed, verdict=Verdict.NOT_PROVEN, reason=f"{unproven[0].name}: {_first_line(unproven[0].reason)}")
    if not scenarios:
        needs_other_target = len(unchecked_at) == len(checkpoint.needs)
        reason = f"It needs {_NEEDS[unchecked_at[0]]}" if needs_other_target else "None of its scenarios ran."
        return replace(passed, verdict=Verdict.NOT_PROVEN, reason=reason)
    return passed


_NEEDS = {
    "files": "the source files.",
    "local": "a running system.",
    "image": "a container image, which this target does not have.",
    "cluster": "a Kubernetes cluster, which this target does not have.",
}


def _first_line(reason: str) -> str:
    return reason.strip().split("\n", 1)[0][:300]


def _waive(result: CheckpointResult, waiver: Waiver | None, today: date) -> CheckpointResult:
    if waiver is None:
        return result
    if waiver.expires < today:
        return replace(result, verdict=Verdict.FAILED, reason=f"Its waiver expired on {waiver.expires} ({waiver.owner}). {result.reason}")
    if result.verdict is Verdict.PASSED:
        return replace(result, verdict=Verdict.FAILED, reason=f"Its waiver ({waiver.owner}) is no longer needed: remove it.")
    return replace(
        result,
        verdict=Verdict.WAIVED,
        reason=f"{waiver.reason} ({waiver.owner}, until {waiver.expires}). Without the waiver: {result.reason}",
    )
