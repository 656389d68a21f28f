"""The timeline of a run: which checkpoint ran when, where it paused, and how busy the processors were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from validation.record.scenario import Scenario
from validation.record.verdicts import Run
from validation.report.text import duration

IDLE_SHARE = 0.1
"""Below this share all processors are idle."""
TICKS_MAX = 10
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
"""Seconds between two marks of the time axis."""
STEPS_IN_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Block:
    """One scenario on the time axis, in percent of its length.

    Attributes:
        paused: share of its length in which it waited between two looks, in percent of the block.
        told: the scenario in words.
    """

    start: float
    length: float
    paused: float
    told: str


@dataclass(frozen=True, slots=True)
class Row:
    """The scenarios of one checkpoint."""

    id: str
    title: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the time axis, in percent of its length."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A timeline to draw.

    Attributes:
        busy: how busy the processors were, as points in percent from the left and from the top; empty if nobody watched.
        idle: the time without work in words; empty if nobody watched.
        in_vain: each scenario with waits that ended at their limit, with these.
    """

    rows: list[Row]
    ticks: list[Tick]
    busy: list[tuple[float, float]]
    idle: str
    in_vain: list[tuple[str, Sequence[str]]]


def of_run(run: Run) -> Timeline | None:
    """Return the timeline of a run; None if its record has no times."""
    timed = {s.id: s for result in run.results for s in result.scenarios if s.began and s.ended >= s.began}
    if not timed:
        return None
    begin = min(s.began for s in timed.values())
    length = max(max(s.ended for s in timed.values()) - begin, 0.001)

    def percent(at: float) -> float:
        return round(100 * (at - begin) / length, 3)

    rows = [
        Row(result.checkpoint.id, result.checkpoint.title, [
            Block(percent(s.began), max(percent(s.ended) - percent(s.began), 0.05), _paused(s), f"{s.name}: {duration(s.ended - s.began)}")
            for s in result.scenarios if s.id in timed
        ])
        for result in run.results
    ]  # fmt: skip
    busy = [(percent(at), round(100 - 100 * share, 1)) for at, share in _busy(run) if 0 <= at - begin <= length]
    shown = sorted((row for row in rows if row.blocks), key=lambda row: min(block.start for block in row.blocks))
    in_vain: list[tuple[str, Sequence[str]]] = [(s.name, s.in_vain) for s in timed.values() if s.in_vain]
    return Timeline(shown, list(_ticks(length)), busy, _idle(run, list(timed.values())) if busy else "", in_vain)


def _paused(scenario: Scenario) -> float:
    took = scenario.ended - scenario.began
    return round(min(100.0, 100 * scenario.paused / took), 1) if took else 0.0


def _busy(run: Run) -> Iterator[tuple[float, float]]:
    """Yield the end of each interval and how busy the processors were in it."""
    if run.processors:
        for number, share in enumerate(run.processors.busy, 1):
            yield run.processors.began + number * run.processors.every, share


def _idle(run: Run, scenarios: Sequence[Scenario]) -> str:
    every = run.processors.every if run.processors else 0.0
    stretches = [[at for at, _ in group] for idle, group in groupby(_busy(run), key=lambda one: one[1] < IDLE_SHARE) if idle]
    if not stretches:
        return "The processors were never all idle at once."
    longest = max(stretches, key=len)
    during = next((s.name for s in scenarios if s.began <= longest[0] <= s.ended), "")
    whole, most = sum(map(len, stretches)) * every, len(longest) * every
    where = f", during: {during}" if during else ""
    return f"All processors were idle for {duration(whole)}, at most {duration(most)} at a stretch{where}."


def _ticks(length: float) -> Iterator[Tick]:
    step = next((one for one in STEPS if length / one <= TICKS_MAX), STEPS[-1])
    for number in range(int(length / step) + 1):
        seconds = number * step
        yield Tick(round(100 * seconds / length, 3), f"{seconds / 60:g} min" if step >= STEPS_IN_MINUTES else f"{seconds} s")
