"""Where a ramp bends: up to which rate the system keeps up, and what is at its limit beyond it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from loadtests.scenario import Scenario
from validation.load.result import Knee, Sample, Second

BUSY_CORES = 0.9
"""A part that runs in one thread is at its limit when it uses a whole core; this much less is noise."""
WAITS_SECONDS = 2.0
"""Older than the longest wait of an idle consumer's read: what waits so long waits for a turn."""


def knee(scenario: Scenario, timeline: Sequence[Second], samples: Sequence[Sample]) -> Knee:
    """Find the first step of a ramp that is not kept; the ones before it are."""
    begun, kept = scenario.steps[0].seconds, 0.0
    for step in scenario.steps[1:]:
        ended = begun + step.seconds
        inside = [second for second in timeline if begun <= second.at < ended]
        p95 = sorted(second.p95 for second in inside)[len(inside) // 2] if inside else float("inf")
        good = sum(second.answered - second.failed for second in inside)
        if good < scenario.knee["kept"] * step.rate * step.seconds or p95 > scenario.knee["p95"]:
            return Knee(kept, step.rate, list(_at_their_limit([sample for sample in samples if begun <= sample.at < ended])))
        begun, kept = ended, step.rate
    return Knee(kept, None, [])


def _at_their_limit(samples: Sequence[Sample]) -> Iterator[str]:
    """Name the parts at their limit, by measure."""
    parts = sorted({name for sample in samples for name in sample.cpu})
    for part in parts:
        used = sorted(sample.cpu[part] for sample in samples if part in sample.cpu)
        middle = used[len(used) // 2]
        if middle >= BUSY_CORES:
            yield f"{part}: {middle:.2f} of a core"
    total = sorted(sum(sample.cpu.values()) for sample in samples)
    if total:
        yield f"all together: {total[len(total) // 2]:.2f} cores"
    ages = [sample.oldest for sample in samples if sample.oldest is not None]
    if len(ages) > 1 and ages[-1] > WAITS_SECONDS and sum(later > sooner for sooner, later in pairwise(ages)) > len(ages) / 2:
        yield f"the way from the stream to the database: the oldest vote waits {ages[-1]:.1f} s and longer and longer"
