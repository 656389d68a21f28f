"""A consumer that meets its fate in the middle of a turn, at one of its commands to Redis or the database."""

import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

from system.consumer.decide import Entry
from system.consumer.loop import Consumer
from system.consumer.metrics import Metrics
from system.db.store import Store
from system.settings import ConsumerSettings

T = TypeVar("T")
Event = Callable[[], Awaitable[None]]
Command = Callable[..., Awaitable[Any]]


class Death(BaseException):
    """The process is gone. Nothing in it catches this."""


class Cut(RedisConnectionError):
    """The link is gone, and the process sees it."""


async def die() -> None:
    raise Death


async def cut() -> None:
    raise Cut


class Fate:
    """What happens at which command of a consumer that has entries in hand; `late`: once the command was carried out."""

    def __init__(self, after: float = math.inf, event: Event = die, *, late: bool = False) -> None:
        self.left, self.event, self.late = after, event, late
        self.in_hand = False

    async def meet(self, command: Callable[[], Awaitable[T]]) -> T:
        self.left -= self.in_hand
        struck = self.left < 0
        if struck and self.event is not die:  # the dead stay dead
            self.left = math.inf
        if struck and not self.late:
            await self.event()
        reply = await command()
        if struck and self.late:
            await self.event()
        return reply


class FatedConsumer(Consumer):
    def __init__(self, settings: ConsumerSettings, redis: Redis, store: Store) -> None:
        super().__init__(settings, FatedRedis(redis, self), FatedStore(store, self), lambda: None, Metrics())
        self.fate = Fate()

    async def take_turn(self, fate: Fate) -> None:
        self.fate, self._claim_at, self._measure_at = fate, 0, math.inf  # measuring only looks
        with contextlib.suppress(Cut):
            await self.run_once()

    async def _settle(self, entries: list[Entry]) -> bool:
        self.fate.in_hand |= bool(entries)
        return await super()._settle(entries)

    def read_ahead(self) -> list[bytes]:
        ahead = self._reader._ahead
        return [stream_id for stream_id, _ in ahead.result()] if ahead and ahead.done() and not ahead.exception() else []


class FatedRedis(Redis):
    def __init__(self, redis: Redis, owner: FatedConsumer) -> None:
        super().__init__(connection_pool=redis.connection_pool)
        self.owner = owner

    async def execute_command(self, *command: Any, **options: Any) -> Any:
        run: Command = super().execute_command
        return await self.owner.fate.meet(lambda: run(*command, **options))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        make: Callable[..., FatedPipeline] = FatedPipeline
        pipe = make(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipe.redis = self
        return pipe


class FatedPipeline(Pipeline):
    """Without MULTI a death, or somebody else, can come between any two of its commands."""

    redis: FatedRedis

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        run: Command = super().execute
        if self.is_transaction:
            return await self.redis.owner.fate.meet(lambda: run(raise_on_error))
        commands, self.command_stack = self.command_stack, []
        return [await self.redis.execute_command(*command, **options) for command, options in commands]


class FatedStore(Store):
    def __init__(self, store: Store, owner: FatedConsumer) -> None:
        super().__init__(store._pool, store._timeout)
        self.owner = owner

    async def _fetch(self, *statement: Any) -> list[asyncpg.Record]:
        run = super()._fetch
        return await self.owner.fate.meet(lambda: run(*statement))
