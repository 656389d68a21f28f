"""Reads entries that were delivered but never acknowledged: this consumer's own, and those of consumers that are gone."""

from collections.abc import AsyncIterator

from redis.asyncio import Redis

from system.consumer.decide import Entry
from system.consumer.reading import read
from system.settings import ConsumerSettings

FIRST_ID = b"0-0"


async def own_pending(redis: Redis, settings: ConsumerSettings) -> AsyncIterator[list[Entry]]:
    """Yield this consumer's pending entries in batches, each entry once."""
    cursor = FIRST_ID
    while entries := await read(redis, settings, cursor):
        yield entries
        cursor = entries[-1][0]


async def claimed(redis: Redis, settings: ConsumerSettings) -> AsyncIterator[list[Entry]]:
    """Claim entries of any consumer that have been idle longer than `CLAIM_IDLE_MS`, and yield them in batches.

    An entry that no longer exists is yielded without fields. Redis removes it from the pending list in the same step, so this is the
    only chance to report it.
    """
    cursor = FIRST_ID
    while True:
        cursor, entries, deleted = await redis.xautoclaim(
            settings.stream_name,
            settings.consumer_group,
            settings.consumer_name,
            settings.claim_idle_ms,
            start_id=cursor,
            count=settings.batch_size,
        )
        batch: list[Entry] = [*entries, *((stream_id, {}) for stream_id in deleted)]
        if batch:
            yield batch
        if cursor == FIRST_ID:
            return
