"""The history of some runs: what became red and when, what is unstable, what takes longer. Pure: the same runs give the same history."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from validation.record.results import Verdict
from validation.record.verdicts import FLAKY
from validation.registry.checkpoints import registry
from validation.report.across.summaries import DECIDED, Checkpoint, Summary, same_subject

Z = 1.96
"""Standard deviations of a 95 % interval."""
SLOWER_BY_SECONDS, SLOWER_BY_SHARE = 1.0, 0.5
"""Smaller differences than both are noise."""
EARLIER_MIN = 3
"""How many earlier durations a trend needs."""


@dataclass(frozen=True, slots=True)
class Unstable:
    """A checkpoint with different verdicts on the same subject.

    Attributes:
        passed, of: how many runs of these subjects it passed.
        low, high: the 95 % interval of its pass rate, by Wilson, 0 to 1.
        failed_in: the runs in which it failed, or passed only when it was repeated.
        passed_in: those in which it passed.
    """

    id: str
    title: str
    passed: int
    of: int
    low: float
    high: float
    passed_in: tuple[str, ...]
    failed_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A checkpoint that failed last.

    Attributes:
        since: the first run in which it failed after it had passed, and its commit.
        good: the last run in which it passed before, and its commit; empty if it never did.
    """

    id: str
    title: str
    target: str
    since: str
    bad_commit: str
    good: str
    good_commit: str


@dataclass(frozen=True, slots=True)
class Slower:
    """A checkpoint whose last duration differs from the median of the earlier ones on the same target, in seconds."""

    id: str
    title: str
    target: str
    usual: float
    last: float


@dataclass(frozen=True, slots=True)
class History:
    """What some runs say together; the runs are the oldest first."""

    runs: tuple[Summary, ...]
    unstable: tuple[Unstable, ...]
    broken: tuple[Broken, ...]
    slower: tuple[Slower, ...]


def history(runs: Sequence[Summary]) -> History:
    """Return the history of runs, which are given the oldest first."""
    ids = [one for one in registry() if any(checkpoint.id == one for run in runs for checkpoint in run.every)]
    of = {identifier: [(run, one) for run in runs for one in run.every if one.id == identifier] for identifier in ids}
    on_targets = [_on(one, target) for one in of.values() for target in dict.fromkeys(run.target for run in runs)]
    return History(
        tuple(runs),
        tuple(filter(None, map(_unstable, of.values()))),
        tuple(filter(None, map(_broken, on_targets))),
        tuple(filter(None, map(_slower, on_targets))),
    )


def wilson(passed: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate, by Wilson (1927): it also holds for few runs and for rates near 0 and 1."""
    if not of:
        return 0.0, 1.0
    rate, square = passed / of, Z * Z
    middle = (rate + square / (2 * of)) / (1 + square / of)
    half = Z / (1 + square / of) * math.sqrt(rate * (1 - rate) / of + square / (4 * of * of))
    return max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half))  # rounding alone could leave the rate outside


Ran = Sequence[tuple[Summary, Checkpoint]]


def _on(ran: Ran, target: str) -> Ran:
    return [(run, one) for run, one in ran if run.target == target]


def _unstable(ran: Ran) -> Unstable | None:
    """Return a checkpoint whose verdict differed on one subject, counted over all such subjects; None if there are none."""
    of_files: dict[object, list[list[tuple[Summary, Checkpoint]]]] = {}  # with many subjects, each is compared with few others
    for run, one in ran:
        if one.verdict in DECIDED or _is_flaky(one):
            groups = of_files.setdefault(run.files, [])
            group = next((group for group in groups if same_subject(group[0][0], run)), None)
            if group is None:
                groups.append(group := [])
            group.append((run, one))
    split = [pair for groups in of_files.values() for group in groups if _differs(group) for pair in group]
    if not split:
        return None
    passed = tuple(run.run for run, one in split if one.verdict == Verdict.PASSED)
    failed = tuple(run.run for run, one in split if one.verdict != Verdict.PASSED)
    checkpoint = split[-1][1]
    return Unstable(checkpoint.id, checkpoint.title, len(passed), len(split), *wilson(len(passed), len(split)), passed, failed)


def _differs(group: Ran) -> bool:
    return len({one.verdict == Verdict.PASSED for _, one in group}) > 1 or any(_is_flaky(one) for _, one in group)


def _is_flaky(one: Checkpoint) -> bool:
    """Return whether a scenario passed only when it was repeated, which its reason says."""
    return one.verdict == Verdict.NOT_PROVEN and FLAKY in one.reason


def _broken(ran: Ran) -> Broken | None:
    decided = [(run, one) for run, one in ran if one.verdict in DECIDED]
    if not decided or decided[-1][1].verdict != Verdict.FAILED:
        return None
    last_good = max((at for at, (_, one) in enumerate(decided) if one.verdict == Verdict.PASSED), default=-1)
    bad, checkpoint = decided[last_good + 1]
    good = decided[last_good][0] if last_good >= 0 else None
    return Broken(checkpoint.id, checkpoint.title, bad.target, bad.run, bad.commit, good.run if good else "", good.commit if good else "")


def _slower(ran: Ran) -> Slower | None:
    passed = [(run, one) for run, one in ran if one.verdict == Verdict.PASSED]
    if len(passed) <= EARLIER_MIN:
        return None
    usual, (run, last) = median(one.seconds for _, one in passed[:-1]), passed[-1]
    if abs(last.seconds - usual) < max(SLOWER_BY_SECONDS, usual * SLOWER_BY_SHARE):
        return None
    return Slower(last.id, last.title, run.target, round(usual, 3), last.seconds)


def gaps_between(broken: Sequence[Broken]) -> Iterator[str]:
    """Yield the commands that list the commits between the last good and the first bad run, each once."""
    pairs = dict.fromkeys((one.good_commit, one.bad_commit) for one in broken if one.good_commit and one.bad_commit)
    yield from (f"git log --oneline {good[:12]}..{bad[:12]}" for good, bad in pairs if good != bad)
