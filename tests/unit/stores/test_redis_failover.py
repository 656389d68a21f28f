"""A Redis that cannot do the work now: its connections are dropped, and the next command goes where the name leads."""

import contextlib

import pytest
import redis as redis_client
from redis.asyncio import Redis
from redis.exceptions import RedisError

from system.api.stream import VoteStream
from system.consumer.loop import Consumer
from system.contract import STREAM
from system.redis_pool import RedisUnfit, is_wrong_server
from tests.unit.api.conftest import running
from tests.unit.servers import Server
from validation.faults.proxy.proxy import FaultProxy

from .conftest import a_vote, add, address, redis_url

pytestmark = pytest.mark.anyio

REPLIES = (
    "READONLY You can't write against a read only replica.",
    "READONLY You can't write against a read only replica. script: abc, on @user_script:5.",
    "ERR Error running script (call to f_abc): @user_script:5: -READONLY You can't write against a read only replica.",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "NOREPLICAS Not enough good replicas to write.",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "MOVED 3999 127.0.0.1:6381",
    "ASK 3999 127.0.0.1:6381",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
)


def refuse(proxy: FaultProxy, command: str, reply: str) -> None:
    """Answer the next such command as a server does that refuses it."""
    proxy.answer_next(lambda sent: sent.words[0] == command, f"-{reply}\r\n".encode())


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("command", ["XADD", "EVALSHA"])
async def test_after_a_refusal_the_api_votes_over_a_new_connection(
    redis_name: FaultProxy, valkey: Server, reply: str, command: str
) -> None:
    stream = VoteStream.at(redis_url(redis_name), 60)
    add_vote = stream.add if command == "XADD" else stream.add_once
    await add_vote(a_vote())
    opened = redis_name.counters.connections
    refuse(redis_name, command, reply)
    with pytest.raises(RedisError) as caught:
        await add_vote(a_vote())
    assert is_wrong_server(caught.value)
    await add_vote(a_vote())
    assert redis_name.counters.connections == opened + 1
    await stream.close()
    with redis_client.Redis.from_url(valkey.url) as observer:
        assert observer.xlen(STREAM) == 2


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("command", ["XREADGROUP", "XACK", "XAUTOCLAIM"])
async def test_after_a_refusal_the_consumer_works_over_new_connections(
    redis_name: FaultProxy, consumer: Consumer, observer: Redis, reply: str, command: str
) -> None:
    await add(observer)
    await consumer.run_once()
    await add(observer)
    consumer._claim_at = 0.0
    opened = redis_name.counters.connections
    refuse(redis_name, command, reply)
    # UNBLOCKED is also what Redis says when the stream was deleted, and then the turn simply ends.
    with contextlib.nullcontext() if reply.startswith("UNBLOCKED") else pytest.raises(RedisError) as caught:
        await consumer.run_once()
    assert caught is None or is_wrong_server(caught.value)
    await consumer.run_once()
    await consumer.run_once()
    assert redis_name.counters.connections > opened
    assert await consumer._store.results() == {"cats": 2}
    assert (await observer.xpending(STREAM, "vote-processors"))["pending"] == 0


@pytest.mark.parametrize("error", ["OOM command not allowed", "WRONGTYPE Operation against a key", "ERR unknown command", "NOPERM no"])
async def test_other_refusals_keep_the_connection(redis_name: FaultProxy, error: str) -> None:
    stream = VoteStream.at(redis_url(redis_name), 60)
    await stream.add(a_vote())
    opened = redis_name.counters.connections
    refuse(redis_name, "XADD", error)
    with pytest.raises(RedisError):
        await stream.add(a_vote())
    await stream.add(a_vote())
    assert redis_name.counters.connections == opened
    await stream.close()


async def test_the_api_follows_the_name_to_the_new_primary(redis_name: FaultProxy, valkey: Server, other_valkey: Server) -> None:
    async with running(redis_url(redis_name), rate_limit="1000/second") as api:
        assert (await api.vote()).status_code == 201
        with redis_client.Redis.from_url(valkey.url) as old, redis_client.Redis.from_url(other_valkey.url) as new:
            new.flushall()
            host, port = address(other_valkey.url)
            old.execute_command("REPLICAOF", host, port)
            ready = await api.client.get("/ready")
            assert (ready.status_code, ready.json()["redis"]) == (503, "disconnected")
            assert ready.json()["unfit"] == ["Redis: role is slave, needed is master: the name must lead to the primary"]
            assert (await api.vote()).status_code == 503
            redis_name.upstream = host, port
            assert (await api.client.get("/ready")).status_code == 200
            assert (await api.vote()).status_code == 201
            assert (await api.vote(Idempotency_Key="k")).status_code == 201
            assert new.xlen(STREAM) == 2


async def test_the_consumer_follows_the_name_to_the_new_primary(
    redis_name: FaultProxy, consumer: Consumer, observer: Redis, other_valkey: Server
) -> None:
    await add(observer)
    await consumer.run_once()
    host, port = address(other_valkey.url)
    await observer.execute_command("REPLICAOF", host, port)
    with pytest.raises(RedisError) as caught:
        await consumer.run_once()
    assert is_wrong_server(caught.value)
    with pytest.raises(RedisUnfit, match="role is slave"):
        await consumer.run_once()
    redis_name.upstream = host, port
    async with Redis.from_url(other_valkey.url) as new:
        await new.flushall()
        await add(new, 2)
    await consumer.run_once()
    assert await consumer._store.results() == {"cats": 3}


async def test_readiness_needs_a_write(valkey: Server) -> None:
    async with running(valkey.url) as api:
        with redis_client.Redis.from_url(valkey.url) as observer:
            observer.config_set("min-replicas-to-write", 1)
            try:
                assert (await api.client.get("/ready")).json()["redis"] == "disconnected"
                assert (await api.vote()).status_code == 503
            finally:
                observer.config_set("min-replicas-to-write", 0)
            assert (await api.client.get("/ready")).status_code == 200
