"""Compare two load runs: which measurements changed by more than the noise of this machine.

The noise is measured by running the same scenario several times without a change (A/A runs). If the natural logarithms of a measurement
have the standard deviation s over such runs, two single runs differ by chance by less than a factor exp(t * s * sqrt(2)) in 95 of 100
cases, with t from Student's distribution.
"""

import hashlib
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from validation.core.errors import UsageError
from validation.load.result import LoadResult, Sample

FEWEST_RUNS = 4
T_975 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Quantiles of Student's distribution for 1 to 10 degrees of freedom. Beyond that, the last one is conservative."""


class Noise(msgspec.Struct, frozen=True):
    """The measurements of A/A runs, by name, on one kind of machine."""

    scenario: str
    machine: dict[str, str]
    runs: list[str]
    figures: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Change:
    """One measurement of two runs.

    Attributes:
        ratio: the later value divided by the earlier one.
        low, high: the 95 % confidence interval of the ratio.
        word: `worse`, `better`, or `no difference shown`.
    """

    figure: str
    before: float
    after: float
    ratio: float
    low: float
    high: float
    word: str


def figures(result: LoadResult) -> dict[str, float]:
    """Return the compared measurements by name: latencies, time to the count, and CPU time per request."""
    found: dict[str, float] = {}
    for latency in result.latencies:
        found |= {f"{latency.name} {name}, ms": getattr(latency, name) for name in ("p50", "p95", "p99")}
    if result.reconciliation and result.reconciliation.accepted:
        found["response to count p95, ms"] = result.reconciliation.count_p95
    answered = sum(latency.count - latency.failures for latency in result.latencies) / max(1.0, result.seconds - result.warm_up)
    for part in ("api", "consumer", "redis", "postgres"):
        used = _cores(result.samples, part, result.warm_up, result.seconds)
        if used and answered:
            found[f"{part}, CPU ms per request"] = 1000 * used / answered
    return {name: value for name, value in found.items() if value > 0}


def noise(results: Sequence[LoadResult]) -> Noise:
    """Return the noise of A/A runs.

    Raises:
        UsageError: there are too few runs, or they are not of one scenario on one kind of machine.
    """
    if len(results) < FEWEST_RUNS:
        raise UsageError(
            f"Cannot measure noise with {len(results)} runs: at least {FEWEST_RUNS} are needed.", "", "votecheck load noise baseline"
        )
    first = results[0]
    _require_comparable(results)
    every = [figures(result) for result in results]
    shared = {name for name in every[0] if all(name in one for one in every)}
    return Noise(first.scenario, first.machine, [r.run for r in results], {n: [one[n] for one in every] for n in sorted(shared)})


def noise_file(reports: Path, result: LoadResult) -> Path:
    """Return the file with the noise of a scenario on a kind of machine."""
    kind = hashlib.sha256(repr(sorted(result.machine.items())).encode()).hexdigest()[:8]
    return reports / "load-noise" / f"{result.scenario}-{result.target}-{kind}.json"


def compare(before: LoadResult, after: LoadResult, known: Noise) -> list[Change]:
    """Return the change of each measurement, and whether it exceeds the noise.

    Raises:
        UsageError: the runs are not of one scenario on one kind of machine.
    """
    _require_comparable([before, after])
    return list(_changes(figures(before), figures(after), known.figures))


def _changes(before: Mapping[str, float], after: Mapping[str, float], known: Mapping[str, Sequence[float]]) -> Iterator[Change]:
    for name in (name for name in before if name in after and name in known):
        ratio, factor = after[name] / before[name], chance(known[name])
        low, high = ratio / factor, ratio * factor
        word = "worse" if low > 1 else "better" if high < 1 else "no difference shown"
        yield Change(name, before[name], after[name], ratio, low, high, word)


def chance(values: Sequence[float]) -> float:
    """Return the factor by which two A/A runs differ at most in 95 of 100 cases."""
    spread = statistics.stdev(map(math.log, values))
    return math.exp(T_975[min(len(values) - 1, len(T_975)) - 1] * spread * math.sqrt(2))


def _require_comparable(results: Iterable[LoadResult]) -> None:
    kinds = {(r.scenario, r.target, round(r.seconds, 3), r.processes, tuple(sorted(r.machine.items()))) for r in results}
    if len(kinds) > 1:
        told = "; ".join(
            sorted(f"{scenario} at {target}, {seconds:g} s, {cores} generators" for scenario, target, seconds, cores, _ in kinds)
        )
        raise UsageError("These runs cannot be compared: scenario, length, target or machine differ.", told, "votecheck load --help")


def _cores(samples: Sequence[Sample], part: str, begin: float, end: float) -> float:
    used = [sample.cpu[part] for sample in samples if begin <= sample.at < end and part in sample.cpu]
    return statistics.fmean(used) if used else 0.0
