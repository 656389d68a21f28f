"""A consumer with a fault injected in the middle of a turn, at one of its commands to Redis or the database."""

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


class Killed(BaseException):
    """The process was killed. No code in the consumer catches this."""


class ConnectionCut(RedisConnectionError):
    """The connection was cut, and the consumer notices."""


async def kill() -> None:
    raise Killed


async def cut() -> None:
    raise ConnectionCut


class Fault:
    """Runs `event` at command number `after` of a consumer that has entries in hand; with `late`, after the command was executed."""

    def __init__(self, after: float = math.inf, event: Event = kill, *, late: bool = False) -> None:
        self.left, self.event, self.late = after, event, late
        self.in_hand = False

    async def run(self, command: Callable[[], Awaitable[T]]) -> T:
        self.left -= self.in_hand
        struck = self.left < 0
        if struck and self.event is not kill:  # a killed process stays dead
            self.left = math.inf
        if struck and not self.late:
            await self.event()
        reply = await command()
        if struck and self.late:
            await self.event()
        return reply


class FaultyConsumer(Consumer):
    def __init__(self, settings: ConsumerSettings, redis: Redis, store: Store) -> None:
        super().__init__(settings, FaultyRedis(redis, self), FaultyStore(store, self), lambda: None, Metrics())
        self.fault = Fault()

    async def take_turn(self, fault: Fault) -> None:
        self.fault, self._claim_at, self._measure_at = fault, 0, math.inf  # measuring only reads
        with contextlib.suppress(ConnectionCut):
            await self.run_once()

    async def _settle(self, entries: list[Entry]) -> bool:
        self.fault.in_hand |= bool(entries)
        return await super()._settle(entries)

    def read_ahead(self) -> list[bytes]:
        ahead = self._reader._ahead
        return [stream_id for stream_id, _ in ahead.result()] if ahead and ahead.done() and not ahead.exception() else []


class FaultyRedis(Redis):
    def __init__(self, redis: Redis, owner: FaultyConsumer) -> None:
        super().__init__(connection_pool=redis.connection_pool)
        self.owner = owner

    async def execute_command(self, *command: Any, **options: Any) -> Any:
        run: Command = super().execute_command
        return await self.owner.fault.run(lambda: run(*command, **options))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        make: Callable[..., FaultyPipeline] = FaultyPipeline
        pipe = make(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipe.redis = self
        return pipe


class FaultyPipeline(Pipeline):
    """Without MULTI, a crash or another client can intervene between any two commands."""

    redis: FaultyRedis

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        run: Command = super().execute
        if self.is_transaction:
            return await self.redis.owner.fault.run(lambda: run(raise_on_error))
        commands, self.command_stack = self.command_stack, []
        return [await self.redis.execute_command(*command, **options) for command, options in commands]


class FaultyStore(Store):
    def __init__(self, store: Store, owner: FaultyConsumer) -> None:
        super().__init__(store._pool, store._timeout)
        self.owner = owner

    async def _fetch(self, *statement: Any) -> list[asyncpg.Record]:
        run = super()._fetch
        return await self.owner.fault.run(lambda: run(*statement))
