"""A run as its readers want it: read back from its record, grouped, worst first, each red with the command that repeats it."""

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

DOCTOR = "votecheck doctor"
PROVE = "votecheck defects run"
QUICK = "--quick"
WORST_FIRST = (Verdict.FAILED, Verdict.NOT_PROVEN, Verdict.WAIVED, Verdict.PASSED)


@dataclass(frozen=True, slots=True)
class Phase:
    """The checkpoints of one phase of a run, in order."""

    number: int
    name: str
    results: tuple[CheckpointResult, ...]

    @property
    def title(self) -> str:
        """Its number and name."""
        return self.name if self.number == BEYOND else f"{self.number}  {self.name}"

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its checkpoints."""
        return next(v for v in WORST_FIRST if self.count(v))

    @property
    def seconds(self) -> float:
        """How long its checkpoints took."""
        return sum(j.seconds for j in self.results)

    def count(self, verdict: Verdict) -> int:
        """How many of its checkpoints have a verdict."""
        return sum(j.verdict is verdict for j in self.results)


@dataclass(frozen=True, slots=True)
class Open:
    """Checkpoints that are not proven for the same reason, and the command that brings them nearer to their proof."""

    reason: str
    command: str
    results: tuple[CheckpointResult, ...]


def load(folder: Path) -> Run:
    """Read a run's record and judge it. Waivers are held against the day of the run, so that it can be result again any day.

    Raises:
        UsageError: there is no record, it was changed, or it is of another version.
    """
    try:
        events = tuple(read(folder / RECORD))
        return evaluate(events, registry(), day_of(events))
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise UsageError(
            f"The record {folder / RECORD} cannot be read: {type(error).__name__}: {error}",
            "it was written by another version, or changed",
            "votecheck run",
        ) from error


def day_of(events: Iterable[Event]) -> date:
    """Give the day that a run began, in UTC: the day that its waivers are held against."""
    begun = next((e.started for e in events if isinstance(e, RunStarted)), "")
    return datetime.fromisoformat(begun).date() if begun else date.min


def by_phase(run: Run) -> tuple[Phase, ...]:
    """Group the checkpoints of a run by phase; what lies beyond the protocol comes last."""
    numbers = sorted({j.checkpoint.phase for j in run.results}, key=lambda n: (n == BEYOND, n))
    return tuple(Phase(n, phases()[n], tuple(j for j in run.results if j.checkpoint.phase == n)) for n in numbers)


def with_verdict(run: Run, verdict: Verdict) -> tuple[CheckpointResult, ...]:
    """Give the checkpoints of a run that have a verdict, in order."""
    return tuple(j for j in run.results if j.verdict is verdict)


def unproven(run: Run) -> tuple[Open, ...]:
    """Group the checkpoints that are not proven by the reason and by what has to be done; one command is for all of a group."""
    groups: dict[tuple[str, tuple[str, ...] | None], list[CheckpointResult]] = {}
    for result in with_verdict(run, Verdict.NOT_PROVEN):
        groups.setdefault((result.reason.removesuffix(f" Next: {DOCTOR}"), _how_to_prove(run, result)), []).append(result)
    return tuple(
        Open(reason, DOCTOR if flags is None else _command(members, flags), tuple(members)) for (reason, flags), members in groups.items()
    )


def checkable_elsewhere(run: Run) -> dict[str, tuple[str, ...]]:
    """Give, for each level that this target cannot show, the checkpoints that were result elsewhere and belong there too."""
    seen = [j for j in run.results if j.scenarios]
    levels = dict.fromkeys(level for j in seen for level in j.unchecked_at)
    return {level: tuple(j.checkpoint.id for j in seen if level in j.unchecked_at) for level in levels}


def is_whole(run: Run) -> bool:
    """Tell whether everything in the registry was in scope."""
    return len(run.results) == len(registry())


def headline(run: Run) -> str:
    """Say what the verdict means, in one or two sentences."""
    failed, open_, waived, every = (*(run.count(v) for v in WORST_FIRST[:3]), len(run.results))
    whole, quick = is_whole(run), QUICK in run.started.flags
    if run.verdict is RunVerdict.NO_GO:
        names = ", ".join(j.checkpoint.id for j in with_verdict(run, Verdict.FAILED))
        said = f"{failed} of {every} checkpoints failed ({names}): this release must not go out."
    elif run.verdict is RunVerdict.INCOMPLETE:
        causes = [f"{open_} of {every} checkpoints are not proven"] * bool(open_) + ["the harness had trouble"] * bool(run.harness_errors)
        said = f"{' and '.join(causes).capitalize()}: this release is not cleared."
    else:
        passed = f"{every - waived} of {every} checkpoints passed and {waived} waived" if waived else f"All {every} checkpoints passed"
        said = f"{passed}: this release may go out." if whole and not quick else f"{passed}."
    said += "" if whole else f" Only {every} of {len(registry())} were in scope: nothing is known about the others."
    return f"{said} It was a quick look, which leaves out some scenarios of each kind and clears no release." if quick else said


def reproduce(run: Run, result: CheckpointResult) -> str:
    """Give the command that runs a checkpoint again as this run did."""
    return _command([result], run.started.flags)


def _how_to_prove(run: Run, result: CheckpointResult) -> tuple[str, ...] | None:
    """Give the flags of a run that brings a checkpoint nearer to its proof; none where no target of this version can show it."""
    if result.scenarios or len(result.unchecked_at) < len(result.checkpoint.needs):  # some of it can be shown where this run was
        return tuple(run.started.flags)
    able = next((t for t in SHIPPED_TARGETS if TARGETS[t].issuperset(result.unchecked_at)), None)
    return ("--target", able) if able else None


def _command(results: Iterable[CheckpointResult], flags: Iterable[str]) -> str:
    return " ".join(["votecheck run --checkpoint", ",".join(j.checkpoint.id for j in results), *map(_word, flags)])


def _word(flag: str) -> str:
    # An address is recorded as the name of its variable, which the shell must fill in again.
    return f'"{flag}"' if re.fullmatch(r"\$[A-Z_]+", flag) else shlex.quote(flag)


def moment(run: Run) -> str:
    """Write when a run began, in UTC."""
    begun = run.started.started
    return f"{datetime.fromisoformat(begun).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if begun else "unknown"


def tally(seen: Iterable[str]) -> str:
    """Say how many checkpoints have been seen to fail, those beyond the protocol apart."""
    red = set(seen)
    beyond = [one.id for one in registry().values() if one.phase == BEYOND]
    inside = [one.id for one in registry().values() if one.phase != BEYOND]
    return (
        f"{len(red.intersection(beyond))} of {len(beyond)} beyond the protocol, and "
        f"{len(red.intersection(inside))} of {len(inside)} checkpoints have been seen to fail"
    )


def self_tested(run: Run) -> str:
    """Say how many checkpoints planted defects had turned red when a run began, and which of them they had not."""
    known = run.started.self_tested
    if not known:
        return f"none is known here to have turned a checkpoint red. Next: {PROVE}"
    now = sum(known.values())
    told = f"{tally(known)}." if now == len(known) else f"{tally(known)}; in this very state of the source {now} of these {len(known)}."
    unseen = [one for one in registry() if one not in known]
    return f"{told} UNPROVEN: {', '.join(unseen)}." if unseen else told
