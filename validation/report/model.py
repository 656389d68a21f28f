"""A run as its readers need it: loaded from its record, grouped, worst first, with the command that reproduces each result."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from validation.core.errors import UsageError
from validation.core.settings import SHIPPED_TARGETS, TARGETS
from validation.record.events import Event, RunStarted
from validation.record.recorder import read
from validation.record.runs import RECORD
from validation.record.verdicts import CheckpointResult, Run, RunVerdict, Verdict, evaluate
from validation.registry.checkpoints import BEYOND, phases, registry
from validation.report.text import counted

DOCTOR = "votecheck doctor"
SELF_TEST = "votecheck defects run"
QUICK = "--quick"
WORST_FIRST = (Verdict.FAILED, Verdict.NOT_PROVEN, Verdict.WAIVED, Verdict.PASSED)
PLACES = {"files": "in the source files", "local": "on a running system", "image": "in images", "cluster": "in a cluster"}


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
    try:
        events = tuple(read(folder / RECORD))
        return evaluate(events, registry(), day_of(events))
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
        UnprovenGroup(reason, DOCTOR if flags is None else _command(members, flags), tuple(members))
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
    """Return the meaning of the verdict, in one or two sentences."""
    failed, open_, waived, total = (*(run.count(v) for v in WORST_FIRST[:3]), len(run.results))
    whole, quick = is_whole(run), QUICK in run.started.flags
    if run.verdict is RunVerdict.NO_GO:
        ids = ", ".join(r.checkpoint.id for r in with_verdict(run, Verdict.FAILED))
        sentence = f"{failed} of {counted(total, 'checkpoint')} failed ({ids}): do not release."
    elif run.verdict is RunVerdict.INCOMPLETE:
        causes = [f"{open_} of {counted(total, 'checkpoint')} {'is' if open_ == 1 else 'are'} not proven"] * bool(open_)
        causes += ["the harness failed"] * bool(run.harness_errors)
        sentence = f"{' and '.join(causes).capitalize()}: this release is not cleared."
    else:
        passed = _passed(total, waived, whole=whole)
        sentence = f"{passed}: this release is cleared." if whole and not quick else f"{passed}."
    if not whole:
        sentence += f" Partial run: {total} of {counted(len(registry()), 'checkpoint')}; {len(registry()) - total} not run."
    return f"{sentence} Quick run: it skipped some scenarios of each kind, so it clears no release." if quick else sentence


def _passed(total: int, waived: int, *, whole: bool) -> str:
    if waived == total:
        return f"{waived} waived, none passed"
    if waived:
        return f"{total - waived} of {counted(total, 'checkpoint')} passed, {waived} waived"
    return f"All {counted(total, 'checkpoint')} passed" if whole else f"The {counted(total, 'checkpoint')} in scope passed"


def reproduce(run: Run, result: CheckpointResult) -> str:
    """Return the command that runs a checkpoint again with the options of this run."""
    return _command([result], run.started.flags)


def _flags_to_prove(run: Run, result: CheckpointResult) -> tuple[str, ...] | None:
    """Return the flags of a run that can prove more of a checkpoint, or None if no target of this version can."""
    if result.scenarios or len(result.unchecked_at) < len(result.checkpoint.needs):  # this target can show some of it
        return tuple(run.started.flags)
    able = next((t for t in SHIPPED_TARGETS if TARGETS[t].issuperset(result.unchecked_at)), None)
    return ("--target", able) if able else None


def _command(results: Iterable[CheckpointResult], flags: Iterable[str]) -> str:
    return " ".join(["votecheck run --checkpoint", ",".join(r.checkpoint.id for r in results), *map(_quoted, flags)])


def _quoted(flag: str) -> str:
    # A URL is recorded as the name of its variable, for the shell to expand.
    return f'"{flag}"' if re.fullmatch(r"\$[A-Z_]+", flag) else shlex.quote(flag)


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
    """Return how many checkpoints seeded defects had turned red before a run, and the ids of the others."""
    known = run.started.self_tested
    if not known:
        return f"not run here. Try: {SELF_TEST}"
    now = sum(known.values())
    sentence = f"{tally(known)}." if now == len(known) else f"{tally(known)}, {now} of these {len(known)} with this exact source."
    missing = [one for one in registry() if one not in known]
    return f"{sentence} Not self-tested: {', '.join(missing)}." if missing else sentence
