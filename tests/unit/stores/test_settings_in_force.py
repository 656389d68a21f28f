"""Settings that a promise rests on are read back where they can change. A part that finds another value names it and does nothing."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
import redis as redis_client
from redis.asyncio import Redis
from structlog.testing import capture_logs

from system.api.stream import VoteStream
from system.consumer.loop import Consumer
from system.contract import STREAM
from system.db.store import DatabaseUnfit, LedgerRow, Store
from system.redis_pool import RedisUnfit
from tests.unit.api.conftest import running
from tests.unit.servers import Server, free_port
from tests.unit.servers import valkey as started_valkey
from validation.core.waiting import eventually
from validation.faults.proxy.pooler import TransactionPooler

from .conftest import a_vote, add, address, consuming

pytestmark = pytest.mark.anyio

UNSAFE = [("appendonly", "no", "aof_enabled is 0"), ("appendfsync", "everysec", "everysec"), ("maxmemory-policy", "allkeys-lru", "allkeys")]


@pytest.mark.parametrize(("setting", "value", "found"), UNSAFE)
async def test_the_api_refuses_a_redis_that_may_lose_votes(valkey: Server, setting: str, value: str, found: str) -> None:
    with redis_client.Redis.from_url(valkey.url) as observer, capture_logs() as lines:
        before = observer.config_get(setting)[setting]
        observer.config_set(setting, value)
        async with running(valkey.url) as api:
            assert (await api.vote()).status_code == 503
            ready = await api.client.get("/ready")
            assert ready.status_code == 503
            assert [found in text and "Redis" in text for text in ready.json()["unfit"]] == [True]
            assert any(found in line.get("error", "") for line in lines)
            assert observer.xlen(STREAM) == 0
            observer.config_set(setting, before)
            assert (await api.vote()).status_code == 201
            observer.config_set(setting, value)  # while a connection is open: readiness notices
            assert (await api.client.get("/ready")).status_code == 503
            assert (await api.vote()).status_code == 503


async def test_a_stream_of_another_type_is_named_by_readiness_alone(valkey: Server) -> None:
    with redis_client.Redis.from_url(valkey.url) as observer:
        async with running(valkey.url) as api:
            observer.set(STREAM, "not a stream")
            ready = await api.client.get("/ready")
            assert (ready.status_code, ready.json()["unfit"]) == (503, [f"Redis: {STREAM} is not a stream: rename that key"])
            observer.rename(STREAM, "elsewhere")
            assert (await api.client.get("/ready")).status_code == 200
            assert (await api.vote()).status_code == 201


async def test_a_length_that_may_not_be_asked_for_is_not_needed(valkey: Server) -> None:
    with redis_client.Redis.from_url(valkey.url) as observer:
        observer.execute_command("ACL", "SETUSER", "adding", "on", ">p", "~*", "+@all", "-xlen")
    stream = VoteStream.at(valkey.url.replace("redis://", "redis://adding:p@"), 60)
    await stream.check()
    await stream.add(a_vote())
    await stream.close()


async def test_settings_that_cannot_be_read_are_refused_unless_they_are_assumed(valkey: Server) -> None:
    with redis_client.Redis.from_url(valkey.url) as observer:
        observer.execute_command("ACL", "SETUSER", "managed", "on", ">p", "~*", "+@all", "-config")
    url = valkey.url.replace("redis://", "redis://managed:p@")
    refusing, trusting = VoteStream.at(url, 60), VoteStream.at(url, 60, durable=False)
    with pytest.raises(RedisUnfit, match=r"appendfsync cannot be read.*REDIS_DURABILITY=assumed"):
        await refusing.add(a_vote())
    await trusting.check()
    await trusting.add(a_vote())
    for stream in (refusing, trusting):
        await stream.close()


async def test_redis_cluster_is_refused_by_name(postgres: Server, tmp_path: Path) -> None:
    with started_valkey(cluster_enabled="yes", cluster_port=str(free_port())) as cluster:
        with redis_client.Redis.from_url(cluster.url) as observer:
            observer.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            assert eventually(lambda: b"cluster_state:ok" in observer.execute_command("CLUSTER", "INFO"), bool, within=10).held
        async with running(cluster.url) as api:
            assert (await api.vote()).status_code == 503
            assert (await api.vote(Idempotency_Key="k")).status_code == 503
            ready = await api.client.get("/ready")
            assert (ready.status_code, "Redis Cluster is not supported" in ready.json()["unfit"][0]) == (503, True)
            assert api.entries() == []
        async with consuming(tmp_path, cluster.url, postgres.url) as consumer:
            with pytest.raises(RedisUnfit, match="Redis Cluster is not supported"):
                await consumer.run_once()


async def test_a_database_that_does_not_reach_the_disk_is_refused(postgres: Server, consumer: Consumer, observer: Redis) -> None:
    await set_in_server(postgres, "fsync", "off")
    await add(observer)
    with pytest.raises(DatabaseUnfit, match="PostgreSQL: fsync is off"):
        await consumer.run_once()
    assert (await observer.xpending(STREAM, "vote-processors"))["pending"] == 1
    with pytest.raises(DatabaseUnfit, match="PostgreSQL: fsync is off"):
        await consumer._store.check()
    await set_in_server(postgres, "fsync", "on")
    await consumer.run_once()
    assert await consumer._store.results() == {"cats": 1}


async def test_behind_a_pooler_that_ignores_start_up_parameters_every_setting_is_in_force(postgres: Server) -> None:
    for name, value in {"synchronous_commit": "off", "statement_timeout": "0", "lock_timeout": "0"}.items():
        await set_in_server(postgres, name, value)
    sql = await asyncpg.connect(postgres.url)
    await sql.execute("create table seen (committed text, statement text, lock text)")
    await sql.execute("""
        create function see() returns trigger language plpgsql as $$ begin
          insert into seen values (
            current_setting('synchronous_commit'), current_setting('statement_timeout'), current_setting('lock_timeout'));
          return null;
        end $$""")
    await sql.execute("create trigger see after insert on vote_ledger execute function see()")
    pooler = TransactionPooler(address(postgres.url))
    pooler.start()
    try:
        stores = [await Store.connect(f"postgresql://postgres@127.0.0.1:{pooler.port}/postgres", command_timeout=5) for _ in range(2)]
        for number in range(3):
            await asyncio.gather(*(store.increment([LedgerRow(a_vote().vote_id, "cats", f"{number}-0")]) for store in stores))
            await asyncio.gather(*(store.check() for store in stores))
        assert await stores[0].results() == {"cats": 6}
        assert pooler.forgotten > 12
        assert {tuple(row) for row in await sql.fetch("select * from seen")} == {("on", "5s", "2500ms")}
        for store in stores:
            await store.close()
    finally:
        pooler.close()
        await sql.execute("drop trigger see on vote_ledger; drop function see; drop table seen")
        await sql.close()


async def set_in_server(server: Server, name: str, value: str) -> None:
    """Change a setting of the running server, and wait until new sessions have it."""
    sql = await asyncpg.connect(server.url)
    await sql.execute(f"alter system set {name} = '{value}'")
    await sql.execute("select pg_reload_conf()")
    while await sql.fetchval("select setting from pg_settings where name = $1", name) != value:
        pass
    await sql.close()
