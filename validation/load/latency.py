"""Compute latencies from the records of the load generator, in one pass and 4 bytes of memory per request."""

import math
from array import array
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped] # it ships no types

from loadtests.records import NAMES, Line, read
from loadtests.scenario import Scenario
from validation.load.result import Latency, Second

EXPECTED = {"vote": 201, "results": 200, "vote again": 201}
"""The expected status by request name. Anything else is a failure, and so is a 201 without a vote id."""
VOTES = ("vote", "vote again")
NOT_SCHEDULED = "vote again"
LONGEST_SECONDS = 3600.0
DIGITS = 3
A_DECADE = 20
LOWEST_STEP = -A_DECADE
"""The first step of a histogram ends at 0.1 ms."""
TENTHS = tuple((tenth + 0.5) / 10 for tenth in range(10))


class Durations:
    """A histogram of durations, in whole microseconds up to one hour, with three significant digits (at most 0.1 % too high)."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, round(LONGEST_SECONDS * 1e6), DIGITS)

    def add(self, seconds: float) -> None:
        """Add a duration. A negative one, from a clock that was set back, counts as 0, and one above an hour as an hour."""
        self._histogram.record_value(round(min(max(seconds, 0.0), LONGEST_SECONDS) * 1e6))

    @property
    def count(self) -> int:
        """The number of durations."""
        return int(self._histogram.total_count)

    @property
    def max(self) -> float:
        """The longest duration in ms, to the microsecond; 0 if there is none."""
        return float(self._histogram.max_value / 1000)

    def percentile(self, percentile: float) -> float:
        """Return a percentile in ms; 0 if there is no duration."""
        return min(float(self._histogram.get_value_at_percentile(percentile) / 1000), self.max)

    def steps(self) -> list[tuple[float, int]]:
        """Return upper bounds in ms with counts: 20 steps per decade with fixed bounds, from the first used step to the last."""
        histogram, found = self._histogram, dict[int, int]()
        for index in range(histogram.counts_len):
            if count := histogram.get_count_at_index(index):
                value = histogram.get_highest_equivalent_value(histogram.get_value_from_index(index)) / 1000
                step = max(LOWEST_STEP, math.ceil(A_DECADE * math.log10(value))) if value else LOWEST_STEP
                found[step] = found.get(step, 0) + count
        used = range(min(found), max(found) + 1) if found else ()
        return [(float(f"{10 ** (step / A_DECADE):.4g}"), found.get(step, 0)) for step in used]


@dataclass
class _Requests:
    """The requests of one name scheduled after the warm-up, and the expected responses that came in that time, to any request."""

    latency: Durations = field(default_factory=Durations)
    service: Durations = field(default_factory=Durations)
    failures: int = 0
    answers: int = 0


class Measurements:
    """The measurements from the records of a run.

    Args:
        records: folder of the request records.
        scenario: the scenario; its first step is the warm-up.
        began: start of the schedule, in epoch seconds.

    Attributes:
        sent: number of scheduled requests that were sent. Repeated votes are not scheduled.
    """

    def __init__(self, records: Path, scenario: Scenario, began: float) -> None:
        self._scenario, self._began = scenario, began
        self._warm_up, self._ends = scenario.warm_up, scenario.seconds
        self._requests = {name: _Requests() for name in NAMES}
        self._took = [array("f") for _ in range(math.ceil(self._ends))]
        self._failed = [0] * len(self._took)
        self.sent = 0
        for _, line in read(records):
            self._add(line)

    def _add(self, line: Line) -> None:
        requests = self._requests[line.name]
        good = line.status == EXPECTED[line.name] and (line.vote_id is not None or line.name not in VOTES)
        self.sent += line.name != NOT_SCHEDULED
        if good and self._warm_up <= line.ended - self._began < self._ends:
            requests.answers += 1
        at, took = line.intended - self._began, line.ended - line.intended
        if not 0 <= at < self._ends:
            return
        self._took[int(at)].append(max(took, 0.0))
        self._failed[int(at)] += not good
        if at >= self._warm_up:
            requests.latency.add(took)
            requests.service.add(line.ended - line.sent)
            requests.failures += not good

    @cached_property
    def latencies(self) -> list[Latency]:
        """The latencies of each request name, for requests scheduled after the warm-up and before the end.

        They include requests that failed or got no response. The rate counts expected responses by arrival: a response after the end of
        the schedule is not throughput.
        """
        return [self._latency(name, requests) for name, requests in self._requests.items() if requests.latency.count]

    def _latency(self, name: str, requests: _Requests) -> Latency:
        latency, service = requests.latency, requests.service
        return Latency(
            name=name,
            count=latency.count,
            failures=requests.failures,
            rate=requests.answers / (self._ends - self._warm_up),
            p50=latency.percentile(50),
            p95=latency.percentile(95),
            p99=latency.percentile(99),
            p999=latency.percentile(99.9),
            max=latency.max,
            service_p50=service.percentile(50),
            service_p95=service.percentile(95),
            service_p99=service.percentile(99),
            service_p999=service.percentile(99.9),
            service_max=service.max,
            histogram=latency.steps(),
        )

    @cached_property
    def timeline(self) -> list[Second]:
        """Every second of the schedule, over all request names. `answered` counts all requests, `failed` those of them that failed.

        The percentiles of a second without requests are 0.
        """
        return [self._second(at, sorted(took), failed) for at, (took, failed) in enumerate(zip(self._took, self._failed, strict=True))]

    def _second(self, at: int, took: list[float], failed: int) -> Second:
        planned = fmean(self._scenario.rate(at + tenth) or 0.0 for tenth in TENTHS)
        p50, p95, p99 = (took[math.ceil(len(took) * percentile / 100) - 1] * 1000 if took else 0.0 for percentile in (50, 95, 99))
        return Second(at, planned, len(took), failed, p50, p95, p99)
