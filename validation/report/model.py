"""A run as its readers need it: loaded from its record, grouped, worst first, with the command that reproduces each result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from validation.core.commands import command, value_of, variables, without
from validation.core.errors import UsageError
from validation.core.settings import SHIPPED_TARGETS, TARGETS
from validation.record.events import Event, KnownProof, RunStarted
from validation.record.merging import REPORTS
from validation.record.recorder import read
from validation.record.release import PLACES
from validation.record.results import CheckpointResult, Verdict
from validation.record.run_ids import RECORD
from validation.record.verdicts import Run, RunVerdict, evaluate
from validation.registry.checkpoints import BEYOND, phases, registry
from validation.report.text import counted

DOCTOR = "votecheck doctor"
SELF_TEST = "votecheck defects run"
RENEW = "votecheck defects run --stale"
SEEDED = frozenset({"B10", "B15", "B24"})
"""The checkpoints that draw from the seed of a run."""
OF_TARGET = frozenset({"--target", "--api-url", "--redis-url", "--database-url"})
"""Options that make no sense on another target."""
WORST_FIRST = (Verdict.FAILED, Verdict.NOT_PROVEN, Verdict.WAIVED, Verdict.PASSED)


@dataclass(frozen=True, slots=True)
class Phase:
    """The checkpoints of one phase of a run, in order."""

    number: int
    name: str
    results: tuple[CheckpointResult, ...]

    @property
    def title(self) -> str:
        """The number and name of the phase."""
        return self.name if self.number == BEYOND else f"{self.number}  {self.name}"

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its checkpoints."""
        return next(v for v in WORST_FIRST if self.count(v))

    @property
    def seconds(self) -> float:
        """The total duration of its checkpoints, in seconds."""
        return sum(r.seconds for r in self.results)

    def count(self, verdict: Verdict) -> int:
        """Return the number of its checkpoints with a verdict."""
        return sum(r.verdict is verdict for r in self.results)


@dataclass(frozen=True, slots=True)
class UnprovenGroup:
    """Checkpoints that are not proven for the same reason, and the command to run next."""

    reason: str
    command: str
    results: tuple[CheckpointResult, ...]


def load(folder: Path) -> Run:
    """Return a run with its verdict, from the record in its folder. Waivers expire relative to the day of the run.

    Raises:
        UsageError: the record does not exist, was changed, or was written by another version.
    """
    return load_with_events(folder)[0]


def load_with_events(folder: Path) -> tuple[Run, tuple[Event, ...]]:
    """Return a run and the events of its record; it raises what `load` raises."""
    try:
        events = tuple(read(folder / RECORD))
        return evaluate(events, registry(), day_of(events)), events
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise UsageError(
            f"Cannot read the record {folder / RECORD}: {type(error).__name__}: {error}",
            "another version wrote it, or it was changed",
            "votecheck run",
        ) from error


def day_of(events: Iterable[Event]) -> date:
    """Return the day a run started, in UTC; `date.min` if the record has no start."""
    started = next((e.started for e in events if isinstance(e, RunStarted)), "")
    return datetime.fromisoformat(started).date() if started else date.min


def by_phase(run: Run) -> tuple[Phase, ...]:
    """Group the checkpoints of a run by phase; checks beyond the protocol come last."""
    numbers = sorted({r.checkpoint.phase for r in run.results}, key=lambda n: (n == BEYOND, n))
    return tuple(Phase(n, phases()[n], tuple(r for r in run.results if r.checkpoint.phase == n)) for n in numbers)


def with_verdict(run: Run, verdict: Verdict) -> tuple[CheckpointResult, ...]:
    """Return the checkpoints of a run with a verdict, in order."""
    return tuple(r for r in run.results if r.verdict is verdict)


def unproven(run: Run) -> tuple[UnprovenGroup, ...]:
    """Group the checkpoints that are not proven by reason and by the command to run next."""
    groups: dict[tuple[str, tuple[str, ...] | None], list[CheckpointResult]] = {}
    for result in with_verdict(run, Verdict.NOT_PROVEN):
        groups.setdefault((result.reason, _flags_to_prove(run, result)), []).append(result)
    return tuple(
        UnprovenGroup(reason, DOCTOR if flags is None else _command(run, members, flags), tuple(members))
        for (reason, flags), members in groups.items()
    )


def checkable_elsewhere(run: Run) -> dict[str, tuple[str, ...]]:
    """Return, for each place this target lacks, the ids of the checkpoints that ran here and could also be checked there."""
    ran = [r for r in run.results if r.scenarios]
    levels = dict.fromkeys(level for r in ran for level in r.unchecked_at)
    return {PLACES[level]: tuple(r.checkpoint.id for r in ran if level in r.unchecked_at) for level in levels}


def is_whole(run: Run) -> bool:
    """Return whether every registered checkpoint was in scope."""
    return len(run.results) == len(registry())


def headline(run: Run) -> str:
    """Return the meaning of the verdict, in one or a few sentences."""
    failed, open_, waived, total = (*(run.count(v) for v in WORST_FIRST[:3]), len(run.results))
    if run.verdict is RunVerdict.NO_GO:
        ids = ", ".join(r.checkpoint.id for r in with_verdict(run, Verdict.FAILED))
        sentence = f"{failed} of {counted(total, 'checkpoint')} failed ({ids}): do not release."
    elif run.verdict is RunVerdict.INCOMPLETE:
        causes = [f"{open_} of {counted(total, 'checkpoint')} {'is' if open_ == 1 else 'are'} not proven"] * bool(open_)
        causes += ["the harness failed"] * bool(run.harness_errors)
        sentence = f"{' and '.join(causes).capitalize()}: this release is not cleared."
    elif run.verdict is RunVerdict.PARTIAL:
        sentence = f"{_passed(total, waived, whole=is_whole(run))}, but this release is not cleared."
    else:
        sentence = f"{_passed(total, waived, whole=True)}: this release is cleared."
    return " ".join(filter(None, [sentence, *(run.gaps if run.verdict is RunVerdict.PARTIAL else run.reductions), unstable(run)]))


def _passed(total: int, waived: int, *, whole: bool) -> str:
    if waived == total:
        return f"{waived} waived, none passed"
    if waived:
        return f"{total - waived} of {counted(total, 'checkpoint')} passed, {waived} waived"
    return f"All {counted(total, 'checkpoint')} passed" if whole else f"The {counted(total, 'checkpoint')} in scope passed"


def reproduce(run: Run, result: CheckpointResult, *scenarios: str) -> str:
    """Return the command that runs a checkpoint, or only some of its scenarios, again with the options of this run."""
    return _command(run, [result], run.started.flags, scenarios)


def repeat(run: Run) -> str:
    """Return the command that repeats a run: the same selection, the same options, the same seed."""
    started = run.started
    part = ("--shard", started.shard) if started.shard else ()
    return command("votecheck", "run", *started.selection, *part, *started.flags, *_seed(run, run.results))


def verify_command(run: Run) -> str:
    """Return the command that checks the reports of a run."""
    folder = value_of(run.started.flags, REPORTS)
    return command("votecheck", "verify", run.started.run, *((REPORTS, folder) if folder else ()))


def unstable(run: Run) -> str:
    """Return which checkpoints ended differently in earlier runs of the same subject, in a sentence each; empty if none did."""
    now = {result.checkpoint.id: result.verdict for result in run.results}
    last = {one.checkpoint: one for one in run.unstable}.values()
    return " ".join(
        f"Unstable: {one.checkpoint} is {now[one.checkpoint]} here and was {one.verdict} in run {one.run} of the same subject."
        for one in last
    )


def merged_from(run: Run) -> str:
    """Return which shards a run was merged from, with their runs; empty for a run that ran at once."""
    return ", ".join(f"{one.shard} {one.run}" for one in run.shards)


def missing_variables(run: Run) -> str:
    """Return what a reader must set before a command of this run works; empty for nothing."""
    names = variables(run.started.flags)
    return f"Set {', '.join(names)} first: the record keeps no password." if names else ""


def _flags_to_prove(run: Run, result: CheckpointResult) -> tuple[str, ...] | None:
    """Return the flags of a run that can prove more of a checkpoint, or None if no target of this version can."""
    if result.scenarios or len(result.unchecked_at) < len(result.checkpoint.needs):  # this target can show some of it
        return tuple(run.started.flags)
    able = next((t for t in SHIPPED_TARGETS if TARGETS[t].issuperset(result.unchecked_at)), None)
    return (*without(run.started.flags, OF_TARGET), "--target", able) if able else None


def _command(run: Run, results: Sequence[CheckpointResult], flags: Iterable[str], scenarios: Iterable[str] = ()) -> str:
    ids = ",".join(r.checkpoint.id for r in results)
    chosen = [word for name in scenarios for word in ("--scenario", name)]
    return command("votecheck", "run", "--checkpoint", ids, *chosen, *flags, *_seed(run, results))


def _seed(run: Run, results: Iterable[CheckpointResult]) -> tuple[str, ...]:
    return ("--seed", str(run.started.seed)) if any(r.checkpoint.id in SEEDED for r in results) else ()


def moment(run: Run) -> str:
    """Return the time a run started, in UTC."""
    started = run.started.started
    return f"{datetime.fromisoformat(started).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if started else "unknown"


def tally(tested: Iterable[str]) -> str:
    """Return how many checkpoints are self-tested, those beyond the protocol apart.

    Args:
        tested: the ids of the checkpoints that a seeded defect has turned red.
    """
    red = set(tested)
    beyond = [one.id for one in registry().values() if one.phase == BEYOND]
    protocol = [one.id for one in registry().values() if one.phase != BEYOND]
    return (
        f"{len(red.intersection(beyond))} of {len(beyond)} checks beyond the protocol and "
        f"{len(red.intersection(protocol))} of {len(protocol)} checkpoints are self-tested"
    )


def self_tested(run: Run) -> str:
    """Return how many checkpoints of a run have been seen to fail, for how many seeded defects, and which have not."""
    proofs = run.started.proofs
    if not proofs:
        return f"no proof is shipped. Try: {SELF_TEST}"
    ids = [result.checkpoint.id for result in run.results]
    seen = {one for proof in proofs for one in proof.checkpoints}
    holding = {one for proof in proofs if not proof.stale for one in proof.checkpoints}
    stale = sum(proof.stale for proof in proofs)
    have = "has" if len(ids) == 1 else "have"
    seen_of_all = f"{len(seen.intersection(ids))} of {counted(len(ids), 'checkpoint')} {have} been seen to fail"
    sentences = [f"{seen_of_all}, for {counted(len(proofs), 'seeded defect')}."]
    if missing := [one for one in ids if one not in seen]:
        sentences.append(f"No proof is shipped for {', '.join(missing)}.")
    if stale:
        only = [one for one in ids if one in seen - holding]
        no_other = f", and no other proof of {', '.join(only)}" if only else ""
        sentences.append(f"{counted(stale, 'proof')} STALE: something has changed since{no_other}. Try: {RENEW}")
    return " ".join(sentences)


def proofs_of(run: Run, checkpoint: str) -> tuple[KnownProof, ...]:
    """Return the proofs that a checkpoint can fail."""
    return tuple(proof for proof in run.started.proofs if checkpoint in proof.checkpoints)
