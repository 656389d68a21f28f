"""Compute the charts of a load run as geometry, in percent from the left and top. The template draws them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from validation.load.report import axes
from validation.load.report.axes import Axis, Tick
from validation.load.report.text import NOTHING, number
from validation.load.result import LoadResult, Second

PARTS = ("api", "consumer", "redis", "postgres", "generator")
_STYLES = 6
_BAND_MIN = 0.5
_BAR_MIN = 0.8
"""Percent of the height: one request in a million is still visible as a hairline."""
_ROOM_FOR_MARKS = 1.35
"""Height of the axis relative to the highest bar, to leave room for the labels of marks."""
_STEP_OF_ONE = 1.25
"""Width of the bar of a histogram with a single step, as a ratio of its bounds."""
_SILENCE = 3
"""A gap of more than this many usual sampling intervals breaks the line."""

Values = Sequence[tuple[float, float | None]]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity over time: its unbroken pieces and its highest value."""

    name: str
    style: int
    pieces: list[list[Point]]
    highest: str


@dataclass(frozen=True, slots=True)
class Band:
    """The interval of a fault on the time axis."""

    label: str
    name: str
    begin: float
    length: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled line across a chart at one value."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, in percent of the plot area.

    Attributes:
        described: the chart in words, for screen readers.
        warm_up: where the warm-up ends.
        across, down: horizontal and vertical marks.
    """

    title: str
    described: str
    x_unit: str
    y_unit: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    bands: Sequence[Band] = ()
    warm_up: float = 0
    across: Sequence[Mark] = ()
    down: Sequence[Mark] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.bars and not any(line.pieces for line in self.lines)


def over_time(result: LoadResult) -> list[Chart]:
    """Return all charts over time, on the same axis."""
    seconds, samples = result.timeline, result.samples
    stage = _Stage(result)
    parts = _parts(result)

    def within(value: Callable[[Second], float]) -> Values:
        """Place the value of a second at its middle."""
        return [(at + 0.5, gathered) for at, gathered in _each_second(seconds, value)]

    return [
        stage.chart(
            "Throughput",
            "requests per second",
            {
                "answered as expected": within(lambda s: s.answered - s.failed),
                "planned": _stepped(_each_second(seconds, lambda s: s.planned)),
            },
            level=(result.knee.rate, "kept up to this rate") if result.knee and result.knee.rate else None,
        ),
        stage.chart(
            "Latency of all requests, from the scheduled time",
            "ms, log scale",
            {
                "p50": within(lambda s: s.p50),
                "p95": within(lambda s: s.p95),
                "p99": within(lambda s: s.p99),
            },
            axis=axes.logarithmic,
        ),
        stage.chart("Failures", "failed requests per second", {"failed": _stepped(_each_second(seconds, lambda s: s.failed))}),
        stage.chart(
            "Votes not yet counted",
            "stream entries",
            {
                "lag: not yet delivered": _broken([(s.at, s.lag) for s in samples]),
                "pending: not acknowledged": _broken([(s.at, s.pending) for s in samples]),
            },
        ),
        stage.chart("Age of the oldest uncounted vote", "seconds", {"oldest": _broken([(s.at, s.oldest) for s in samples])}),
        stage.chart("CPU of each part", "cores", {p: _broken([(s.at, s.cpu.get(p)) for s in samples]) for p in parts}),
        stage.chart("Memory of each part", "MiB", {p: _broken([(s.at, s.memory.get(p)) for s in samples]) for p in parts}),
    ]


def distributions(result: LoadResult) -> list[Chart]:
    """Return the histograms of the latency of each request name and of the time from vote to count, on one axis."""
    shown: list[tuple[str, list[tuple[float, int]], dict[str, float]]] = [
        (f"Latency of {one.name}", one.histogram, {"p50": one.p50, "p95": one.p95, "p99": one.p99, "max": one.max})
        for one in result.latencies
    ]
    if reconciliation := result.reconciliation:
        marks = {"p50": reconciliation.count_p50, "p95": reconciliation.count_p95, "max": reconciliation.count_max}
        shown.append(("Time from response to count", reconciliation.count_histogram, marks))
    bounds = [bound for _, histogram, _ in shown for bound, count in _steps(histogram) if count]
    axis = axes.logarithmic([bound / _STEP_OF_ONE for bound in bounds] + bounds, "ms, log scale")
    return [_distribution(title, histogram, marks, axis) for title, histogram, marks in shown]


class _Stage:
    """What the charts over time share: the time axis, the warm-up and the faults."""

    def __init__(self, result: LoadResult) -> None:
        ends = [s.at + 1 for s in result.timeline] + [s.at for s in result.samples] + [f.ended for f in result.faults]
        self._axis = axes.time(max([result.warm_up, *ends]))
        self._warm_up = self._axis.place(result.warm_up)
        self._bands = []
        self._description = [f"The warm-up lasts {number(result.warm_up)} s."] if result.warm_up else []
        for n, fault in enumerate(result.faults, 1):
            begin, end = self._axis.place(fault.begun), self._axis.place(fault.ended)
            self._bands.append(Band(f"F{n}", fault.name, begin, round(max(end - begin, _BAND_MIN), 2)))
            self._description.append(f"Fault F{n}, {fault.name}, from {number(fault.begun)} to {number(fault.ended)} s.")

    def chart(
        self,
        title: str,
        unit: str,
        series: Mapping[str, Values],
        *,
        axis: Callable[[Iterable[float], str], Axis] = axes.linear,
        level: tuple[float, str] | None = None,
    ) -> Chart:
        """Draw quantities of one unit."""
        least = 0 if axis is axes.logarithmic else -math.inf
        drawn = {name: [(at, v if v is not None and least < v < math.inf else None) for at, v in values] for name, values in series.items()}
        seen = [v for values in drawn.values() for _, v in values if v is not None]
        y = axis([*seen, level[0]] if level else seen, unit)
        lines, ranges = [], []
        for n, (name, values) in enumerate(drawn.items()):
            read = [v for _, v in values if v is not None]
            lines.append(Line(name, n % _STYLES, _pieces(values, self._axis, y), number(max(read)) if read else ""))
            ranges.append(f"{name}: {number(min(read))} to {number(max(read))}." if read else f"{name}: {NOTHING}.")
        return Chart(
            title,
            f"{unit}. {' '.join([*ranges, *self._description])}",
            self._axis.unit,
            unit,
            self._axis.ticks,
            _from_top(y),
            lines=lines,
            bands=self._bands,
            warm_up=self._warm_up,
            across=[Mark(_top(y, level[0]), level[1])] if level else (),
        )


def _distribution(title: str, histogram: list[tuple[float, int]], marks: Mapping[str, float], x: Axis) -> Chart:
    whole = sum(count for _, count in histogram)
    steps = [(bound, 100 * count / whole) for bound, count in _steps(histogram) if count]
    y = axes.linear([_ROOM_FOR_MARKS * share for _, share in steps], "share, %")
    ratio = min(
        (later / earlier for (earlier, _), (later, _) in pairwise(sorted(_steps(histogram))) if later > earlier), default=_STEP_OF_ONE
    )
    bars = []
    for bound, share in steps:
        begin, end = x.place(bound / ratio), x.place(bound)
        height = max(y.place(share), _BAR_MIN)
        bars.append(Bar(begin, round(100 - height, 2), round(end - begin, 2), height))
    summary = ", ".join(f"{name} {number(value)} ms" for name, value in marks.items())
    down = [Mark(x.place(value), f"{name} {number(value)}") for name, value in marks.items() if 0 < value < math.inf]
    return Chart(title, f"{number(whole)} in all; {summary}.", x.unit, y.unit, x.ticks, _from_top(y), bars=bars, down=down)


def _steps(histogram: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the steps that fit a logarithmic axis."""
    return [(bound, count) for bound, count in histogram if 0 < bound < math.inf]


def _parts(result: LoadResult) -> list[str]:
    seen = {part for sample in result.samples for part in (*sample.cpu, *sample.memory)}
    return [p for p in PARTS if p in seen] + sorted(seen.difference(PARTS))


def _each_second(seconds: Sequence[Second], value: Callable[[Second], float | None]) -> list[tuple[float, float | None]]:
    """Return a value for every second from first to last, None where it is missing."""
    known = {second.at: second for second in seconds}
    return [(at, value(known[at]) if at in known else None) for at in range(min(known), max(known) + 1)] if known else []


def _stepped(values: Values) -> Values:
    """Return the values as steps, constant within each second."""
    return [point for at, value in values for point in ((at, value), (at + 1, value))]


def _broken(values: Values) -> Values:
    """Insert a break where samples are missing."""
    usual = median(later - earlier for (earlier, _), (later, _) in pairwise(values)) if len(values) > 1 else 0
    whole: list[tuple[float, float | None]] = list(values[:1])
    for (earlier, _), (later, value) in pairwise(values):
        if later - earlier > _SILENCE * usual:
            whole.append((earlier, None))
        whole.append((later, value))
    return whole


def _pieces(values: Values, x: Axis, y: Axis) -> list[list[Point]]:
    """Return a line in pieces, broken where a value is missing. A single value becomes a point."""
    pieces: list[list[Point]] = [[]]
    for at, value in values:
        if value is not None:
            pieces[-1].append((x.place(at), _top(y, value)))
        elif pieces[-1]:
            pieces.append([])
    return [piece * 2 if len(piece) == 1 else piece for piece in pieces if piece]


def _top(axis: Axis, value: float) -> float:
    return round(100 - axis.place(value), 2)


def _from_top(axis: Axis) -> list[Tick]:
    return [Tick(round(100 - tick.at, 2), tick.label) for tick in axis.ticks]
