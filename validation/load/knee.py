"""Find the knee of a ramp: the highest rate that the system keeps up with, and what is saturated above it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median_high

from loadtests.scenario import Scenario
from validation.load.result import Knee, Sample, Second

BUSY_CORES = 0.9
"""A single-threaded part is saturated when it uses a whole core. The tenth below that allows for noise."""
BUSY_SHARE = 0.85
"""Share of all cores at which the machine counts as saturated; the harness itself is not included."""
WAITS_SECONDS = 2.0
"""Longer than the longest blocking read of an idle consumer: an older vote is waiting in line."""


def knee(scenario: Scenario, timeline: Sequence[Second], samples: Sequence[Sample], cores: int) -> Knee:
    """Return the knee: the first step of a ramp that is not sustained.

    Args:
        scenario: the scenario, with the criteria of a sustained step.
        timeline: the responses, second by second.
        samples: the samples of all parts.
        cores: number of cores of the machine that all parts share.
    """
    begun, kept = scenario.warm_up, 0.0
    for step in scenario.steps[1:]:
        ended = begun + step.seconds
        inside = [second for second in timeline if begun <= second.at < ended]
        p95 = median_high(second.p95 for second in inside) if inside else float("inf")
        good = sum(second.answered - second.failed for second in inside)
        if good < scenario.knee["kept"] * step.rate * step.seconds or p95 > scenario.knee["p95"]:
            return Knee(kept, step.rate, list(_at_their_limit([s for s in samples if begun <= s.at < ended], cores)))
        begun, kept = ended, step.rate
    return Knee(kept, None, [])


def _at_their_limit(samples: Sequence[Sample], cores: int) -> Iterator[str]:
    """Yield what was saturated, with its load, or else the part that came closest."""
    used = {
        part: median_high([s.cpu[part] for s in samples if part in s.cpu]) for part in sorted({name for s in samples for name in s.cpu})
    }
    if used:
        full = [part for part in used if used[part] >= BUSY_CORES]
        yield from (f"{part}: {used[part]:.2f} of a core" for part in full)
        total = median_high([sum(sample.cpu.values()) for sample in samples])
        if total >= BUSY_SHARE * cores:
            yield f"the machine: all parts together use {total:.2f} of {cores} cores"
        if not full:
            most = max(used, key=used.__getitem__)
            yield f"closest to saturation: {most}, {used[most]:.2f} of a core"
    ages = [sample.oldest for sample in samples if sample.oldest is not None]
    if len(ages) > 1 and ages[-1] > WAITS_SECONDS and sum(later > sooner for sooner, later in pairwise(ages)) > len(ages) / 2:
        yield f"counting: the oldest uncounted vote is {ages[-1]:.1f} s old, and its age is growing"
