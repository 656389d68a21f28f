"""Redis and PostgreSQL behind a name that can lead elsewhere: a proxy whose new connections go to another server."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis
from redis.asyncio import Redis

from system.consumer.__main__ import client
from system.consumer.loop import Consumer
from system.consumer.metrics import Metrics
from system.contract import STREAM, Vote, encode
from system.db.store import Store
from system.settings import ConsumerSettings
from tests.unit import servers
from validation.faults.proxy.proxy import FaultProxy


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def a_vote() -> Vote:
    return Vote("cats", 1_700_000_000_000, str(uuid.uuid4()))


@contextlib.contextmanager
def named(url: str, protocol: str) -> Iterator[FaultProxy]:
    proxy = FaultProxy(address(url), protocol)  # type: ignore[arg-type]
    proxy.start()
    yield proxy
    proxy.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[servers.Server]:
    with servers.valkey() as server:
        yield server


@pytest.fixture
def valkey(shared_valkey: servers.Server) -> Iterator[servers.Server]:
    """The first Redis: empty, a primary, and with the settings that votes need."""
    with redis.Redis.from_url(shared_valkey.url) as observer:
        observer.execute_command("REPLICAOF", "NO", "ONE")
        observer.flushall()
        yield shared_valkey
        observer.config_set("appendonly", "yes")
        observer.config_set("appendfsync", "always")
        observer.config_set("maxmemory-policy", "noeviction")


@pytest.fixture(scope="session")
def other_valkey() -> Iterator[servers.Server]:
    with servers.valkey() as server:
        yield server


@pytest.fixture
def redis_name(valkey: servers.Server) -> Iterator[FaultProxy]:
    with named(valkey.url, "redis") as proxy:
        yield proxy


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[servers.Server]:
    with servers.migrated_postgres() as server:
        yield server


@pytest.fixture
async def postgres(shared_postgres: servers.Server) -> AsyncIterator[servers.Server]:
    """The first PostgreSQL: empty tables, and its own settings."""
    yield shared_postgres
    sql = await asyncpg.connect(shared_postgres.url)
    await sql.execute("set default_transaction_read_only = off")
    await sql.execute("alter system reset all")
    await sql.execute("select pg_reload_conf()")
    await sql.execute("truncate votes, vote_ledger")
    await sql.close()


@pytest.fixture(scope="session")
def other_postgres() -> Iterator[servers.Server]:
    with servers.migrated_postgres() as server:
        yield server


@pytest.fixture
def postgres_name(postgres: servers.Server) -> Iterator[FaultProxy]:
    with named(postgres.url, "postgres") as proxy:
        yield proxy


def database_url(proxy: FaultProxy) -> str:
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"


@contextlib.asynccontextmanager
async def consuming(tmp_path: Path, redis_url: str, store_url: str) -> AsyncIterator[Consumer]:
    """A consumer with its own connections, as the process makes them."""
    settings = ConsumerSettings(
        redis_url=redis_url, database_url=store_url, consumer_name="first", block_ms=10, heartbeat_file=tmp_path / "heartbeat"
    )
    connection, store = client(settings), await Store.connect(store_url, command_timeout=5)
    yield Consumer(settings, connection, store, lambda: None, Metrics())
    await connection.aclose()
    await store.close()


@pytest.fixture
async def consumer(redis_name: FaultProxy, postgres_name: FaultProxy, tmp_path: Path) -> AsyncIterator[Consumer]:
    """A consumer that reaches Redis and PostgreSQL by their names."""
    async with consuming(tmp_path, redis_url(redis_name), database_url(postgres_name)) as running:
        yield running


@pytest.fixture
async def observer(valkey: servers.Server) -> AsyncIterator[Redis]:
    """A client of the first Redis that no fault reaches."""
    async with Redis.from_url(valkey.url) as connection:
        yield connection


def redis_url(proxy: FaultProxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}"


async def add(observer: Redis, count: int = 1) -> None:
    for _ in range(count):
        await observer.xadd(STREAM, encode(a_vote()))  # type: ignore[arg-type]
