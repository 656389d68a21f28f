"""Checks that the record of a merged run is what its shards recorded: their records are kept beside it, and merged again."""

from collections.abc import Sequence
from pathlib import Path

from validation.core.errors import UsageError
from validation.record.events import Event, RunStarted, ShardMerged
from validation.record.merging import Part, merged
from validation.record.recorder import read, seal_of
from validation.record.run_ids import RECORD

SHARDS = "shards"
"""The folder, in that of a merged run, with the records of its shards."""


def kept(shard: str) -> str:
    """Return the path of a shard's record, relative to the folder of the merged run."""
    return f"{SHARDS}/{shard.replace('/', '-of-')}.jsonl"


def part_of(record: Path, where: str) -> Part:
    """Return a shard from its record.

    Raises:
        UsageError: the record does not exist or was changed.
    """
    return Part(where, tuple(read(record)), *seal_of(record))


def problems_of_shards(folder: Path, recorded: Sequence[Event]) -> list[str]:
    """Return where the events of a merged run differ from those of its shards, one line each; none for any other run."""
    shards = [event for event in recorded if isinstance(event, ShardMerged)]
    return list(_differences(folder, recorded, shards)) if shards else []


def _differences(folder: Path, recorded: Sequence[Event], shards: Sequence[ShardMerged]) -> list[str]:
    started = next((event for event in recorded if isinstance(event, RunStarted)), None)
    if started is None:
        return [f"{RECORD} has no start."]
    try:
        parts = [part_of(folder / kept(one.shard), kept(one.shard)) for one in shards]
        again = list(merged(parts, started.run, started.flags))
    except UsageError as error:
        return [str(error).splitlines()[0]]
    if again == list(recorded):
        return []
    pairs = zip(shards, parts, strict=True)
    seals = [f"{part.where} ends with seal {part.seal}, and {RECORD} names {one.seal}." for one, part in pairs if part.seal != one.seal]
    return seals or [f"{RECORD} differs from what the records in {SHARDS}/ give."]
