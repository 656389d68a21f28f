"""Entries that were delivered before and never acknowledged: our own, and those of consumers that are gone."""

from collections.abc import AsyncIterator

from redis.asyncio import Redis

from system.consumer.decide import Entry
from system.consumer.reading import read
from system.settings import ConsumerSettings

FIRST_ID = b"0-0"


async def own_pending(redis: Redis, settings: ConsumerSettings) -> AsyncIterator[list[Entry]]:
    """Read what is pending under our own name, in batches, each entry once."""
    cursor = FIRST_ID
    while entries := await read(redis, settings, cursor):
        yield entries
        cursor = entries[-1][0]


async def claimed(redis: Redis, settings: ConsumerSettings) -> AsyncIterator[list[Entry]]:
    """Take over what has been pending longer than `CLAIM_IDLE_MS`, with whomever, following the cursor to its end.

    An id whose entry is gone comes without fields. Redis takes it off the pending list in the same step, so it is told here or never.
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
