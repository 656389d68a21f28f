"""Axes of charts: the position of a value in percent, and the labelled values."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from validation.load.report.text import number

_LINEAR_STEPS = 4
_LABELS_MAX = 8
_MINUTE = 60
_TIMES = (1, 2, 5, 10, 15, 30, _MINUTE, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Tick:
    """A value on an axis: its position in percent and its label. Without a label it is only a grid line."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from the lowest to the highest value, linear or logarithmic."""

    low: float
    high: float
    unit: str
    logarithmic: bool = False
    steps: tuple[float, ...] = ()

    def place(self, value: float) -> float:
        """Return the position of a value in percent of the axis. Values outside are clamped."""
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
        return round(100 * min(max((value - low) / (high - low), 0), 1), 2)

    @property
    def ticks(self) -> list[Tick]:
        """The ticks. If they are too close, only powers of ten have labels."""
        written = self.steps if len(self.steps) <= _LABELS_MAX else tuple(s for s in self.steps if math.log10(s).is_integer())
        return [Tick(self.place(s), number(s) if s in written else "") for s in self.steps]


@dataclass(frozen=True, slots=True)
class TimeAxis(Axis):
    """An axis of seconds since the start of the schedule, labelled in minutes when it is long."""

    @property
    def ticks(self) -> list[Tick]:
        """The ticks in the unit of the axis."""
        per = _MINUTE if self.unit.startswith("minutes") else 1
        return [Tick(self.place(s), number(s / per)) for s in self.steps]


def linear(values: Iterable[float], unit: str) -> Axis:
    """Return a linear axis from 0 to a round number above the values. Counts get no steps below 1."""
    seen = list(values)
    highest = max([0, *seen]) or 1
    step = _round_up(highest / _LINEAR_STEPS)
    if all(isinstance(v, int) for v in seen):
        step = max(step, 1)
    count = math.ceil(round(highest / step, 6))
    return Axis(0, count * step, unit, steps=tuple(n * step for n in range(count + 1)))


def logarithmic(values: Iterable[float], unit: str) -> Axis:
    """Return a logarithmic axis from a round number below the values to one above. All values must be above 0."""
    seen = list(values)
    ladder = _ladder(min(seen, default=1), max(seen, default=10))
    return Axis(ladder[0], ladder[-1], unit, logarithmic=True, steps=ladder)


def time(seconds: float) -> TimeAxis:
    """Return the time axis of a run of this many seconds."""
    step = next((t for t in _TIMES if seconds / t <= _LABELS_MAX), _TIMES[-1])
    unit = "minutes" if step >= _MINUTE else "seconds"
    steps = tuple(float(n * step) for n in range(int(seconds // step) + 1))
    return TimeAxis(0, max(seconds, 1), f"{unit} since the start of the schedule", steps=steps)


def _round_up(value: float) -> float:
    """Return the next higher number of the series 1, 2, 5, 10, 20, 50..., also below 1."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= value * (1 - 1e-9))


def _ladder(lowest: float, highest: float) -> tuple[float, ...]:
    """Return the part of the series 1, 2, 5, 10, 20, 50... that encloses the values; at least two numbers."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 2)
    every = [float(f"{n}e{p}") for p in powers for n in (1, 2, 5)]
    low = max(v for v in every if v <= lowest)
    high = min(v for v in every if v >= highest and v > low)
    return tuple(v for v in every if low <= v <= high)
