"""Counting a batch, and finding the entry in it that the database refuses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from system.db.store import REFUSED, Counted, Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        counted: stream ids of the votes that were counted now.
        refused: stream ids of the votes that the database refuses each by itself, with the name of its error.
    """

    counted: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)


async def count(store: Store, votes: Sequence[Counted], heartbeat: Callable[[], None]) -> Outcome:
    """Count votes in one statement; halve the batch as often as it takes to single out what the database refuses."""
    outcome = Outcome()
    waiting = [votes]
    while waiting:
        part = waiting.pop()
        heartbeat()
        try:
            outcome.counted.update(await store.increment(part))
        except REFUSED as error:
            half = len(part) // 2
            if half:
                waiting += [part[half:], part[:half]]  # the first half first: of two votes with one id the earlier counts
            else:
                outcome.refused[part[0].stream_id] = type(error).__name__
    return outcome
