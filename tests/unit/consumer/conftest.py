"""Fixtures for consumer tests: real servers, a separate stream and group per test, and empty tables."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from redis.asyncio import Redis

from system import contract
from system.consumer.loop import Consumer
from system.consumer.metrics import Metrics
from system.db.store import Store
from system.settings import ConsumerSettings
from tests.unit import servers


@pytest.fixture(scope="session")
def valkey() -> Iterator[servers.Server]:
    with servers.valkey() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Server]:
    with servers.migrated_postgres() as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def settings(valkey: servers.Server, postgres: servers.Server, tmp_path: Path) -> ConsumerSettings:
    return ConsumerSettings(
        redis_url=valkey.url,
        database_url=postgres.url,
        stream_name=f"votes-{uuid.uuid4()}",
        consumer_name="first",
        batch_size=10,
        block_ms=10,
        heartbeat_file=tmp_path / "heartbeat",
    )


@dataclass
class Bench:
    settings: ConsumerSettings
    redis: Redis
    store: Store
    sql: asyncpg.Connection

    def consumer(self, **changes: Any) -> Consumer:
        store = changes.pop("store", self.store)
        return Consumer(self.settings.model_copy(update=changes), self.redis, store, lambda: None, Metrics())

    async def cast(self, option: str = "cats", vote_id: uuid.UUID | None = None) -> bytes:
        return await self.add(contract.encode(contract.Vote(option, 1_700_000_000_000, str(vote_id or uuid.uuid4()))))

    async def add(self, fields: dict[Any, Any]) -> bytes:
        return await self.redis.xadd(self.settings.stream_name, fields)

    async def deliver_to(self, name: str, group: str | None = None) -> None:
        """Deliver all new entries to a consumer that never returns."""
        group = group or self.settings.consumer_group
        await self.redis.xgroup_create(self.settings.stream_name, group, 0, mkstream=True)
        await self.redis.xreadgroup(group, name, {self.settings.stream_name: ">"})

    async def counts(self) -> dict[str, int]:
        return await self.store.results()

    async def pending(self) -> list[bytes]:
        found = await self.redis.xpending_range(self.settings.stream_name, self.settings.consumer_group, "-", "+", 1000)
        return [entry["message_id"] for entry in found]

    async def stream(self) -> list[bytes]:
        return [stream_id for stream_id, _ in await self.redis.xrange(self.settings.stream_name)]

    async def dead(self) -> list[dict[bytes, bytes]]:
        return [fields for _, fields in await self.redis.xrange(contract.dead_letters(self.settings.stream_name))]


@pytest.fixture
async def bench(settings: ConsumerSettings) -> AsyncIterator[Bench]:
    redis = Redis.from_url(settings.redis_url)
    store = await Store.connect(settings.database_url, command_timeout=5)
    sql = await asyncpg.connect(settings.database_url)
    await sql.execute("truncate votes, vote_ledger")
    yield Bench(settings, redis, store, sql)
    await redis.delete(settings.stream_name, contract.dead_letters(settings.stream_name))
    await sql.close()
    await store.close()
    await redis.aclose()


@pytest.fixture
def events() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured
