"""A connection that the server closed while it was idle is noticed before anything is sent over it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis as redis_client
from redis.asyncio import Redis

from system.consumer.loop import Consumer
from system.contract import STREAM
from system.db.store import LedgerRow, Store
from tests.unit.api.conftest import Running, running
from tests.unit.servers import Server
from validation.faults.proxy.proxy import FaultProxy

from .conftest import a_vote, add, database_url, redis_url

pytestmark = pytest.mark.anyio

ARRIVES_SECONDS = 0.05
"""For the end of a connection to arrive at this process. No later command may depend on it."""

Close = Callable[[FaultProxy, str], object]


def by_redis(_: FaultProxy, url: str) -> None:
    """Close all other connections, as `timeout` does with idle ones."""
    with redis_client.Redis.from_url(url) as observer:
        observer.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def by_fin(proxy: FaultProxy, _: str) -> None:
    proxy.close_connections()


def by_reset(proxy: FaultProxy, _: str) -> None:
    proxy.reset()


async def plain(api: Running) -> int:
    return (await api.vote()).status_code


async def keyed(api: Running) -> int:
    return (await api.vote(Idempotency_Key="k")).status_code


async def ready(api: Running) -> int:
    return (await api.client.get("/ready")).status_code


async def metrics(api: Running) -> int:
    return 503 if "votes_stream_length NaN" in (await api.client.get("/metrics")).text else 200


async def results(api: Running) -> int:
    return (await api.client.get("/api/results")).status_code  # the rate limit asks Redis first


@pytest.mark.parametrize("close", [by_redis, by_fin, by_reset])
@pytest.mark.parametrize("request_", [plain, keyed, ready, metrics, results])
async def test_the_first_request_after_the_end_of_a_connection_succeeds(
    redis_name: FaultProxy, valkey: Server, close: Close, request_: Callable[[Running], Awaitable[int]]
) -> None:
    async with running(redis_url(redis_name), rate_limit="1000/second") as api:
        assert await request_(api) < 300
        for _ in range(3):
            close(redis_name, valkey.url)
            await asyncio.sleep(ARRIVES_SECONDS)
            assert await request_(api) < 300
        with redis_client.Redis.from_url(valkey.url) as observer:
            assert observer.xlen(STREAM) == {plain: 4, keyed: 1}.get(request_, 0)  # type: ignore[call-overload]


@pytest.mark.parametrize("close", [by_redis, by_fin, by_reset])
async def test_the_consumer_counts_at_the_first_try_after_the_end_of_its_connections(
    redis_name: FaultProxy, valkey: Server, consumer: Consumer, close: Close
) -> None:
    for expected in (1, 2):
        async with Redis.from_url(valkey.url) as observer:
            await add(observer)
        await consumer.run_once()
        assert await consumer._store.results() == {"cats": expected}
        close(redis_name, valkey.url)
        await asyncio.sleep(ARRIVES_SECONDS)


@pytest.mark.parametrize("close", ["server", by_fin, by_reset])
async def test_the_first_statement_after_the_end_of_a_connection_succeeds(postgres_name: FaultProxy, postgres: Server, close: Any) -> None:
    store = await Store.connect(database_url(postgres_name), command_timeout=5)
    direct = await Store.connect(postgres.url, command_timeout=5)
    for number in range(3):
        assert len(await store.increment([LedgerRow(a_vote().vote_id, "cats", f"{number}-0")])) == 1
        if close == "server":
            await direct._fetch(TERMINATE)
        else:
            close(postgres_name, "")
        await asyncio.sleep(ARRIVES_SECONDS)
        await store.check()
        if close == "server":
            await direct._fetch(TERMINATE)
        else:
            close(postgres_name, "")
        await asyncio.sleep(ARRIVES_SECONDS)
    assert await store.results() == {"cats": 3}
    await store.close()
    await direct.close()


TERMINATE = """
    select current_setting('synchronous_commit') as synchronous_commit, current_setting('fsync') as fsync,
      current_setting('statement_timeout') as statement_timeout, current_setting('lock_timeout') as lock_timeout,
      (select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend')
"""
