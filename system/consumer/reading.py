"""Reading new entries: a batch is read ahead while the one before it is being counted."""

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
    """Read one batch of the group's entries: `start` is NEW, or the id after which our own pending ones are read again."""
    reply = await redis.xreadgroup(
        settings.consumer_group, settings.consumer_name, {settings.stream_name: start}, count=settings.batch_size, block=block
    )
    return [entry for _stream, entries in cast("list[tuple[bytes, list[Entry]]]", reply) for entry in entries]


class Reader:
    """Hands out the new entries, a batch at a time."""

    def __init__(self, redis: Redis, settings: ConsumerSettings) -> None:
        self._redis = redis
        self._settings = settings
        self._stopped = False
        self._waiting: asyncio.Task[list[Entry]] | None = None
        self._ahead: asyncio.Task[list[Entry]] | None = None

    @property
    def holds_a_batch(self) -> bool:
        """Whether a batch was read ahead that nobody took yet."""
        return self._ahead is not None

    async def batch(self) -> list[Entry]:
        """Give the batch that was read ahead, or wait up to `BLOCK_MS` for a first entry. Nothing new: an empty list."""
        ahead, self._ahead = self._ahead, None
        entries = (await ahead if ahead else []) or await self._wait()
        if len(entries) == self._settings.batch_size and not self._stopped:  # then more is there, most likely
            self._ahead = asyncio.create_task(read(self._redis, self._settings, NEW))
        return entries

    async def ids_ahead(self) -> frozenset[bytes]:
        """Name the entries that were read ahead and not taken yet: they are pending under our own name, and in hand."""
        return frozenset(stream_id for stream_id, _ in await self._ahead) if self._ahead else frozenset()

    async def drop(self) -> None:
        """Forget the batch that was read ahead: it is pending under our own name, and read again from there."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            with contextlib.suppress(RedisError, CONNECTION_GONE):  # whatever it is, the next command meets it too
                await ahead

    def stop(self) -> None:
        """End the wait for a first entry now, and begin no other."""
        self._stopped = True
        if self._waiting:
            self._waiting.cancel()

    async def _wait(self) -> list[Entry]:
        if self._stopped:
            return []
        self._waiting = asyncio.create_task(read(self._redis, self._settings, NEW, block=self._settings.block_ms))
        await asyncio.wait({self._waiting})
        waiting, self._waiting = self._waiting, None
        # Cancelled by `stop`; what Redis may have given it in that moment stays pending under our name.
        return [] if waiting.cancelled() else waiting.result()
