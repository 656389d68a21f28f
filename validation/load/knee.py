"""Where a ramp bends: up to which rate the system keeps up, and what is at its limit beyond it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median_high

from loadtests.scenario import Scenario
from validation.load.result import Knee, Sample, Second

BUSY_CORES = 0.9
"""A part that runs in one thread is at its limit when it uses a whole core; this much less is noise."""
BUSY_SHARE = 0.85
"""Of all cores of the machine, harness aside."""
WAITS_SECONDS = 2.0
"""Older than the longest wait of an idle consumer's read: what waits so long waits for its turn."""


def knee(scenario: Scenario, timeline: Sequence[Second], samples: Sequence[Sample], cores: int) -> Knee:
    """Find the first step of a ramp that is not kept; the ones before it are.

    Args:
        scenario: with what a step must keep.
        timeline: what was answered, second by second.
        samples: the parts.
        cores: of the machine that all parts share.
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
    """Name what was at its limit, by measure, and where no part was the one that came nearest."""
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
            yield f"nearest to its limit: {most}, {used[most]:.2f} of a core"
    ages = [sample.oldest for sample in samples if sample.oldest is not None]
    if len(ages) > 1 and ages[-1] > WAITS_SECONDS and sum(later > sooner for sooner, later in pairwise(ages)) > len(ages) / 2:
        yield f"the way from the stream to the database: the oldest vote waits {ages[-1]:.1f} s, and longer and longer"
