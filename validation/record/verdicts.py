"""From raw events to verdicts. Pure: the same events, registry, waivers and date give the same verdict."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from validation.core.settings import TARGETS, highest
from validation.record.events import Event, Finished, HarnessFailed, Measured, Observed, Planned, RunFinished, RunStarted, Snapshot, Started
from validation.registry.checkpoints import Checkpoint


class Verdict(StrEnum):
    """Of one checkpoint."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_PROVEN = "NOT PROVEN"
    WAIVED = "WAIVED"


class RunVerdict(StrEnum):
    """Of a run."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCOMPLETE = "INCOMPLETE"


EXIT_CODES = {RunVerdict.GO: 0, RunVerdict.NO_GO: 1, RunVerdict.INCOMPLETE: 3}
USAGE_EXIT, HARNESS_EXIT, INTERRUPTED_EXIT = 2, 3, 130


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario as it ran."""

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
    """Leave to ship although a checkpoint is red."""

    id: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class Judged:
    """One checkpoint with its verdict and all it rests on."""

    checkpoint: Checkpoint
    verdict: Verdict
    reason: str
    proven_at: str
    open_at: tuple[str, ...]
    scenarios: tuple[Scenario, ...]

    @property
    def findings(self) -> tuple[Observed, ...]:
        """What is wrong."""
        return tuple(o for s in self.scenarios for o in s.wrong)

    @property
    def observations(self) -> int:
        """How many facts were compared."""
        return sum(len(s.observations) for s in self.scenarios)

    @property
    def seconds(self) -> float:
        """How long its scenarios took."""
        return sum(s.seconds for s in self.scenarios)


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its verdict."""

    started: RunStarted
    verdict: RunVerdict
    judged: tuple[Judged, ...]
    harness_errors: tuple[str, ...]
    measurements: tuple[Measured, ...]
    seconds: float
    snapshots: tuple[Snapshot, ...] = ()

    @property
    def exit_code(self) -> int:
        """What `votecheck run` ends with."""
        return EXIT_CODES[self.verdict]

    @property
    def harness_failed(self) -> bool:
        """Whether the harness itself had trouble: an INCOMPLETE that nobody may accept."""
        return bool(self.harness_errors) or any(s.outcome == "error" for j in self.judged for s in j.scenarios)

    def count(self, verdict: Verdict) -> int:
        """How many checkpoints have a verdict."""
        return sum(j.verdict is verdict for j in self.judged)


def judge(events: Iterable[Event], registry: dict[str, Checkpoint], today: date) -> Run:
    """Give every checkpoint in scope its verdict, and the run its own.

    Args:
        events: the record of the run, in order.
        registry: all checkpoints by id.
        today: the day that waivers are held against.
    """
    kept = tuple(events)
    started = next((e for e in kept if isinstance(e, RunStarted)), None) or RunStarted("", "local", "", [], [], {}, {}, [])
    finished = next((e for e in kept if isinstance(e, RunFinished)), None)
    harness_errors = [e.what for e in kept if isinstance(e, HarnessFailed)]
    if finished is None:
        harness_errors.append("The run was cut off: its record has no end.")
    if not started.scope:
        harness_errors.append("The run had no checkpoint in its scope.")
    scenarios = _scenarios(kept)
    waivers = {w["id"]: Waiver(w["id"], w["reason"], w["owner"], date.fromisoformat(w["expires"])) for w in started.waivers}
    judged = tuple(
        _waive(_judge(registry[i], [s for s in scenarios if i in s.checkpoints], TARGETS[started.target]), waivers.get(i), today)
        for i in started.scope
    )
    return Run(
        started=started,
        verdict=_of_run(judged, harness_errors),
        judged=judged,
        harness_errors=tuple(harness_errors),
        measurements=tuple(e for e in kept if isinstance(e, Measured)),
        seconds=finished.seconds if finished else 0.0,
        snapshots=tuple(e for e in kept if isinstance(e, Snapshot)),
    )


def _of_run(judged: Sequence[Judged], harness_errors: Sequence[str]) -> RunVerdict:
    verdicts = {j.verdict for j in judged}
    if Verdict.FAILED in verdicts:
        return RunVerdict.NO_GO
    if harness_errors or not verdicts or Verdict.NOT_PROVEN in verdicts:
        return RunVerdict.INCOMPLETE
    return RunVerdict.GO


def _scenarios(events: Sequence[Event]) -> list[Scenario]:
    ends: dict[str, list[Finished]] = {}
    seen: dict[str, list[Observed]] = {}
    begins: dict[str, Planned | Started] = {}
    for event in events:
        if isinstance(event, Planned | Started):
            begins[event.scenario] = event
        elif isinstance(event, Observed):
            seen.setdefault(event.scenario, []).append(event)
        elif isinstance(event, Finished):
            ends.setdefault(event.scenario, []).append(event)
    return [_scenario(begin, ends.get(identifier, []), tuple(seen.get(identifier, []))) for identifier, begin in begins.items()]


def _scenario(begin: Planned | Started, ends: list[Finished], observations: tuple[Observed, ...]) -> Scenario:
    if isinstance(begin, Planned):
        last = Finished(begin.scenario, "not_proven", "The scenario was planned and never began.", 0.0, "")
    else:
        last = ends[-1] if ends else Finished(begin.scenario, "error", "The scenario began and never ended.", 0.0, "")
    outcome, reason = last.outcome, last.reason
    if len(ends) > 1 and outcome == "passed":
        outcome, reason = "not_proven", f"Flaky: it ran {len(ends)} times, and a pass on a later try is not a pass."
    if any(not o.ok for o in observations):
        outcome = "failed"
    elif outcome == "passed" and not observations:
        outcome, reason = "not_proven", "The scenario passed without a single observation."
    elif outcome == "failed":
        outcome, reason = "error", f"It failed without a wrong observation: {reason}"
    return Scenario(
        begin.scenario, begin.name, begin.feature, tuple(begin.checkpoints), outcome, reason, last.seconds, last.fidelity, observations
    )


def _judge(checkpoint: Checkpoint, scenarios: list[Scenario], shows: frozenset[str]) -> Judged:
    proven_at = highest(s.fidelity for s in scenarios if s.outcome == "passed" and s.fidelity)
    open_at = tuple(n for n in checkpoint.needs if n not in shows)
    base = Judged(checkpoint, Verdict.PASSED, "", proven_at, open_at, tuple(scenarios))
    wrong = [s for s in scenarios if s.outcome == "failed"]
    unseen = [s for s in scenarios if s.outcome not in ("passed", "failed")]
    if wrong:
        return replace(base, verdict=Verdict.FAILED, reason=f"{wrong[0].name}: {_first_line(wrong[0].reason)}")
    if unseen:
        return replace(base, verdict=Verdict.NOT_PROVEN, reason=f"{unseen[0].name}: {_first_line(unseen[0].reason)}")
    if not scenarios:
        missing = [n for n in checkpoint.needs if n in open_at]
        reason = f"It needs {_ANEEDS[missing[0]]}" if len(missing) == len(checkpoint.needs) else "No scenario of it ran."
        return replace(base, verdict=Verdict.NOT_PROVEN, reason=reason)
    return base


_ANEEDS = {
    "files": "the source files.",
    "local": "a running system.",
    "image": "a container image, and this target has none. Next: votecheck doctor",
    "cluster": "a Kubernetes cluster, and this target has none. Next: votecheck doctor",
}


def _first_line(reason: str) -> str:
    return reason.strip().split("\n", 1)[0][:300]


def _waive(judged: Judged, waiver: Waiver | None, today: date) -> Judged:
    if waiver is None:
        return judged
    if waiver.expires < today:
        return replace(judged, verdict=Verdict.FAILED, reason=f"Its waiver expired on {waiver.expires} ({waiver.owner}). {judged.reason}")
    if judged.verdict is Verdict.PASSED:
        return replace(judged, verdict=Verdict.FAILED, reason=f"Its waiver ({waiver.owner}) is no longer needed: remove it.")
    return replace(
        judged, verdict=Verdict.WAIVED, reason=f"{waiver.reason} ({waiver.owner}, until {waiver.expires}). Without it: {judged.reason}"
    )
