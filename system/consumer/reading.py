"""Reads new entries, one batch ahead of the batch being counted."""

import asyncio
import contextlib
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from system.consumer.decide import Entry
from system.errors import CONNECTION_GONE
from system.settings import ConsumerSettings

NEW = b">"


async def read(redis: Redis, settings: ConsumerSettings, start: bytes, block: int | None = None) -> list[Entry]:
    """Read one batch. With `start` NEW it contains new entries, else this consumer's pending entries after that id."""
    reply = await redis.xreadgroup(
        settings.consumer_group, settings.consumer_name, {settings.stream_name: start}, count=settings.batch_size, block=block
    )
    return [entry for _stream, entries in cast("list[tuple[bytes, list[Entry]]]", reply) for entry in entries]


class Reader:
    """Returns new entries batch by batch, reading one batch ahead."""

    def __init__(self, redis: Redis, settings: ConsumerSettings) -> None:
        self._redis = redis
        self._settings = settings
        self._stopped = False
        self._waiting: asyncio.Task[list[Entry]] | None = None
        self._ahead: asyncio.Task[list[Entry]] | None = None

    @property
    def holds_a_batch(self) -> bool:
        """Whether a batch was read ahead and not taken yet."""
        return self._ahead is not None

    async def batch(self) -> list[Entry]:
        """Return the batch that was read ahead, or wait up to `BLOCK_MS` for an entry. The list is empty if there is none."""
        ahead, self._ahead = self._ahead, None
        entries = (await ahead if ahead else []) or await self._wait()
        if len(entries) == self._settings.batch_size and not self._stopped:  # a full batch: there is probably more
            self._ahead = asyncio.create_task(read(self._redis, self._settings, NEW))
        return entries

    async def ids_ahead(self) -> frozenset[bytes]:
        """Return the ids that were read ahead and not taken yet. They are pending for this consumer, but not idle."""
        return frozenset(stream_id for stream_id, _ in await self._ahead) if self._ahead else frozenset()

    async def drop(self) -> None:
        """Discard the batch that was read ahead. It is pending for this consumer and will be read again from there."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            with contextlib.suppress(RedisError, CONNECTION_GONE):  # the next command will fail the same way
                await ahead

    def stop(self) -> None:
        """Cancel the current wait for an entry, and start no other."""
        self._stopped = True
        if self._waiting:
            self._waiting.cancel()

    async def _wait(self) -> list[Entry]:
        if self._stopped:
            return []
        self._waiting = asyncio.create_task(read(self._redis, self._settings, NEW, block=self._settings.block_ms))
        await asyncio.wait({self._waiting})
        waiting, self._waiting = self._waiting, None
        # Cancelled by `stop`; entries that Redis delivered at that moment stay pending for this consumer.
        return [] if waiting.cancelled() else waiting.result()
