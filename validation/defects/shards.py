"""The part of the defects that one of several machines proves, balanced by the recorded durations of their checkpoints."""

from validation.core.settings import PROJECT
from validation.core.shards import Shard, balanced, with_costs
from validation.defects.proving.bench import Bench
from validation.defects.selection import Chosen
from validation.probes.source import scenarios
from validation.pytest_plugin.items import tagged_with
from validation.pytest_plugin.requirements import feature_of
from validation.registry.durations import recorded

START_SECONDS = 5.0
"""How long it takes to copy the source and start a run of it, roughly."""


def in_shard(chosen: Chosen, shard: Shard, bench: Bench) -> Chosen:
    """Return the defects of a shard, in their order. The same defects are split in the same way on every machine.

    Args:
        chosen: the defects of all shards.
        shard: which part.
        bench: where they will be proven.
    """
    seconds = _seconds_of_checkpoints()
    known = {
        one.id: START_SECONDS + sum(seconds.get(checkpoint, 0.0) for checkpoint in bench.checkpoints(one))
        for one in chosen.defects
        if bench.checkpoints(one)
    }
    mine = set(balanced(with_costs((one.id for one in chosen.defects), known), shard.of)[shard.number - 1])
    defects = tuple(one for one in chosen.defects if one.id in mine)
    return Chosen(defects, (*chosen.notes, f"Shard {shard}: {len(defects)} of {len(chosen.defects)} defects."))


def _seconds_of_checkpoints() -> dict[str, float]:
    durations, found = recorded(PROJECT), dict[str, float]()
    for one in scenarios.read(PROJECT):
        seconds = sum(durations.get((feature_of(one), name), 0.0) for name in dict.fromkeys(one.names()))
        for checkpoint in tagged_with(one.tags):
            found[checkpoint.id] = found.get(checkpoint.id, 0.0) + seconds
    return found
