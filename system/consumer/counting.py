"""Counts a batch of votes and isolates those that the database rejects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from system.db.store import REFUSED, LedgerRow, Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of counting a batch.

    Attributes:
        counted: stream ids of the votes counted now.
        refused: stream ids of the votes that the database rejects individually, with the name of the error.
    """

    counted: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)


async def count(store: Store, votes: Sequence[LedgerRow], heartbeat: Callable[[], None]) -> Outcome:
    """Count votes in one statement. Bisect the batch as often as needed to isolate votes that the database rejects."""
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
                waiting += [part[half:], part[:half]]  # first half first: of two votes with the same id, the earlier one counts
            else:
                outcome.refused[part[0].stream_id] = type(error).__name__
    return outcome
