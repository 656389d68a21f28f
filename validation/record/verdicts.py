"""From recorded events to verdicts. Pure: the same events, registry, waivers and date give the same verdicts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from validation.core.settings import TARGETS
from validation.record.events import (
    EarlierVerdict,
    Event,
    EvidenceLimited,
    Finished,
    HarnessFailed,
    Measured,
    Moment,
    Observed,
    Planned,
    ProcessorsUsed,
    Required,
    RunFinished,
    RunStarted,
    ShardMerged,
    Snapshot,
    Started,
    SubjectSeen,
)
from validation.record.last_release import LastRelease
from validation.record.release import reductions, unproven_levels
from validation.record.results import CheckpointResult, Verdict, result_of
from validation.record.scenario import Scenario
from validation.record.subject import Subject, differences, merged
from validation.record.waiving import Waiver, waive
from validation.registry.checkpoints import Checkpoint


class RunVerdict(StrEnum):
    """The verdict on a run. PARTIAL: all that it covered passed, but it covered less than a release needs."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCOMPLETE = "INCOMPLETE"
    PARTIAL = "PARTIAL"


EXIT_CODES = {RunVerdict.GO: 0, RunVerdict.NO_GO: 1, RunVerdict.INCOMPLETE: 3, RunVerdict.PARTIAL: 4}
FLAKY = "Flaky: "
"""Begins the reason of a scenario that passed only when it was repeated."""
ACCEPTED = (RunVerdict.INCOMPLETE, RunVerdict.PARTIAL)
"""What `--accept-incomplete` accepts: nothing failed, and the release is not cleared."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its verdict.

    Attributes:
        reductions: what its options left out of a whole run, one sentence each.
        unproven_levels: the levels of the release policy that it did not reach, one sentence each.
        subject: what it validated.
        moments: what was kept when scenarios failed.
        evidence_limited: what was not kept in full; None if everything was.
        shards: the shards that it was merged from; none for a run that ran at once.
        unstable: what earlier runs of the same subject observed differently, as they recorded it.
        last_release: the run of an earlier release to compare with; None: none was named.
        processors: how busy they were; None if that was not watched, or on several machines.
    """

    started: RunStarted
    verdict: RunVerdict
    results: tuple[CheckpointResult, ...]
    harness_errors: tuple[str, ...]
    measurements: tuple[Measured, ...]
    seconds: float
    snapshots: tuple[Snapshot, ...] = ()
    reductions: tuple[str, ...] = ()
    unproven_levels: tuple[str, ...] = ()
    subject: Subject = field(default_factory=Subject)
    moments: tuple[Moment, ...] = ()
    evidence_limited: EvidenceLimited | None = None
    shards: tuple[ShardMerged, ...] = ()
    unstable: tuple[EarlierVerdict, ...] = ()
    last_release: LastRelease | None = None
    processors: ProcessorsUsed | None = None

    @property
    def gaps(self) -> tuple[str, ...]:
        """What a release needs and this run did not cover, one sentence each; none for a run that may be GO."""
        return self.reductions + self.unproven_levels

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
    seen = [e.subject for e in recorded if isinstance(e, RunStarted | SubjectSeen) and e.subject]
    harness_errors += _changes(seen, ended=finished is not None)
    scenarios = [*_scenarios(recorded), *_not_planned(recorded)]
    elsewhere = _of_other_shards(recorded)
    waivers = [
        Waiver(w["id"], w["finding"], w["version"], w["reason"], w["owner"], date.fromisoformat(w["expires"])) for w in started.waivers
    ]
    version = started.versions.get("votecheck", "")
    results = tuple(
        waive(result, [w for w in waivers if w.id == result.checkpoint.id], version, today, whole=not started.shard)
        for result in (
            result_of(registry[i], [s for s in scenarios if i in s.checkpoints], TARGETS[started.target])
            for i in started.scope
            if i not in elsewhere
        )
    )
    reduced = tuple(reductions(started, registry))
    levels = tuple(unproven_levels({r.checkpoint.id: r.lacks for r in results if r.verdict is Verdict.PASSED}))
    return Run(
        started=started,
        verdict=_of_run(results, harness_errors, partial=bool(reduced or levels)),
        results=results,
        harness_errors=tuple(harness_errors),
        measurements=tuple(e for e in recorded if isinstance(e, Measured)),
        seconds=finished.seconds if finished else 0.0,
        snapshots=tuple(e for e in recorded if isinstance(e, Snapshot)),
        reductions=reduced,
        unproven_levels=levels,
        subject=merged(seen),
        moments=tuple(e for e in recorded if isinstance(e, Moment)),
        evidence_limited=next((e for e in reversed(recorded) if isinstance(e, EvidenceLimited)), None),
        shards=tuple(e for e in recorded if isinstance(e, ShardMerged)),
        unstable=_unstable([e for e in recorded if isinstance(e, EarlierVerdict)], results, merged(seen)),
        last_release=next((e for e in recorded if isinstance(e, LastRelease)), None),
        processors=next((e for e in recorded if isinstance(e, ProcessorsUsed)), None),
    )


def with_harness_errors(run: Run, errors: Sequence[str]) -> Run:
    """Return a run with further harness errors: a NO-GO stays one, and any other verdict becomes INCOMPLETE."""
    verdict = run.verdict if run.verdict is RunVerdict.NO_GO or not errors else RunVerdict.INCOMPLETE
    return replace(run, harness_errors=(*run.harness_errors, *errors), verdict=verdict)


def _changes(seen: Sequence[Subject], *, ended: bool) -> list[str]:
    """Return why nobody can say what a run validated: it changed meanwhile, or was not looked at again at the end."""
    changes = dict.fromkeys(change for number, one in enumerate(seen) for before in seen[:number] for change in differences(before, one))
    if changes:
        return [f"The subject changed during the run. {change}." for change in changes]
    whole = sum(bool(one.digests) for one in seen)
    return ["The subject is not known: it was not looked at both at the start and at the end of the run."] * (ended and whole < 2)  # noqa: PLR2004


def _of_run(results: Sequence[CheckpointResult], harness_errors: Sequence[str], *, partial: bool) -> RunVerdict:
    verdicts = {r.verdict for r in results}
    if Verdict.FAILED in verdicts:
        return RunVerdict.NO_GO
    if harness_errors or not verdicts or Verdict.NOT_PROVEN in verdicts:
        return RunVerdict.INCOMPLETE
    return RunVerdict.PARTIAL if partial else RunVerdict.GO


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


def _not_planned(events: Sequence[Event]) -> Iterator[Scenario]:
    """Yield each scenario that the features contain and pytest did not plan, or not with all of its rows."""
    required = [e for e in events if isinstance(e, Required)]
    planned = Counter((e.feature, e.template or e.name) for e in events if isinstance(e, Planned))
    rows = Counter[tuple[str, str]]()
    for one in required:
        rows[one.feature, one.name] += one.rows if one.here is None else one.here
    for one in {(e.feature, e.name): e for e in required}.values():
        due, done = rows[one.feature, one.name], planned[one.feature, one.name]
        if done < due:
            reason = f"{done} of {due} were planned: something outside votecheck left out the rest."
            yield Scenario(f"{one.feature}: {one.name}", one.name, one.feature, tuple(one.checkpoints), "not_proven", reason, 0.0, "", ())


def _unstable(earlier: Sequence[EarlierVerdict], results: Sequence[CheckpointResult], subject: Subject) -> tuple[EarlierVerdict, ...]:
    """Return the earlier verdicts that are the opposite of those of this run, unless it ran other images."""
    opposite = {Verdict.PASSED: Verdict.FAILED, Verdict.FAILED: Verdict.PASSED}
    now = {result.checkpoint.id: opposite.get(result.verdict) for result in results}
    same = (one for one in earlier if not differences(Subject(images=one.images), Subject(images=subject.images)))
    return tuple(one for one in same if one.verdict == now.get(one.checkpoint))


def _of_other_shards(events: Sequence[Event]) -> set[str]:
    """Return the checkpoints that have scenarios and none of them in this shard."""
    required = [e for e in events if isinstance(e, Required) and e.here is not None]
    here = {i for one in required if one.here for i in one.checkpoints}
    return {i for one in required for i in one.checkpoints} - here


def _scenario(start: Planned | Started, ends: list[Finished], observations: tuple[Observed, ...]) -> Scenario:
    if isinstance(start, Planned):
        last = Finished(start.scenario, "not_proven", "The scenario was planned and never started.", 0.0, "")
    else:
        last = ends[-1] if ends else Finished(start.scenario, "error", "The scenario started and never finished.", 0.0, "")
    outcome, reason = last.outcome, last.reason
    if len(ends) > 1 and outcome == "passed":
        outcome, reason = "not_proven", f"{FLAKY}it ran {len(ends)} times, and a pass after a failure does not count."
    if any(not o.ok and not o.machine for o in observations):
        outcome = "failed"
    elif late := next((o for o in observations if o.machine), None):
        outcome = "not_proven"
        reason = (
            f"Others saturated this machine, so that a missed time limit proves nothing. {late.subject}: {late.observed}. {late.machine}"
        )
    elif outcome == "passed" and not observations:
        outcome, reason = "not_proven", "The scenario passed without a single observation."
    elif outcome == "failed":
        outcome, reason = "error", f"It failed without a wrong observation: {reason}"
    of_start = (start.scenario, start.name, start.feature, tuple(start.checkpoints))
    times = (start.at if isinstance(start, Started) else 0.0, last.at, last.paused, tuple(last.in_vain))
    return Scenario(*of_start, outcome, reason, last.seconds, last.fidelity, observations, start.row, start.template or start.name, *times)
