"""A fault proxy forwards everything, stops at its breakpoints, and fails as configured."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.unit import servers
from validation.core.waiting import eventually
from validation.faults.proxy.proxy import FaultProxy
from validation.faults.proxy.traffic import WireProtocol

WITHIN = 10.0


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    with servers.valkey() as server:
        yield server.url


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with servers.postgres() as server:
        yield server.url


def started(url: str, kind: WireProtocol) -> FaultProxy:
    address = urlsplit(url)
    proxy = FaultProxy((str(address.hostname), int(address.port or 0)), kind)
    proxy.start()
    return proxy


@pytest.fixture
def proxy(valkey: str) -> Iterator[FaultProxy]:
    made = started(valkey, "redis")
    yield made
    made.close()


def client(proxy: FaultProxy, **settings: object) -> "redis.Redis":
    return redis.Redis(port=proxy.port, socket_timeout=WITHIN, retry=Retry(NoBackoff(), 0), **settings)


def in_thread(work: object) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("protocol", [2, 3])
def test_everything_is_forwarded(proxy: FaultProxy, protocol: int) -> None:
    with client(proxy, protocol=protocol) as through:
        through.delete("a", "h")
        assert through.set("a", b"x" * (1 << 20))
        assert through.get("a") == b"x" * (1 << 20)
        through.hset("h", mapping={"k": "v"})
        assert through.hgetall("h") == {b"k": b"v"}
        assert through.get("nothing") is None
        with pytest.raises(redis.ResponseError):
            through.incr("h")
        with through.pipeline(transaction=True) as pipe:
            assert pipe.set("b", 1).incr("b").execute() == [True, 2]
    assert {"SET", "GET", "MULTI", "INCRBY", "EXEC"} <= {command.label for command in proxy.commands}


def test_a_command_is_held_before_it_reaches_the_server_and_earlier_commands_are_not(proxy: FaultProxy, valkey: str) -> None:
    held = proxy.break_at(lambda command: command.words[:2] == ("SET", "second"), side="request")

    def write() -> None:
        with client(proxy) as through, through.pipeline(transaction=False) as pipe:
            pipe.set("first", 1).set("second", 2).set("third", 3).execute()

    with redis.Redis.from_url(valkey) as direct:
        direct.delete("first", "second", "third")
        writer = in_thread(write)
        assert held.wait(WITHIN).held
        assert eventually(lambda: direct.mget("first", "second", "third"), lambda v: v[0] is not None, within=WITHIN).value == [
            b"1",
            None,
            None,
        ]
        held.release()
        writer.join(WITHIN)
        assert direct.mget("first", "second", "third") == [b"1", b"2", b"3"]


def test_a_reply_is_held_after_the_command_was_executed(proxy: FaultProxy, valkey: str) -> None:
    held = proxy.break_at(lambda command: command.label == "INCRBY", side="reply")
    outcome: list[BaseException] = []

    def write() -> None:
        with client(proxy) as through:
            try:
                through.incr("counted")
            except redis.ConnectionError as error:
                outcome.append(error)

    with redis.Redis.from_url(valkey) as direct:
        direct.delete("counted")
        writer = in_thread(write)
        assert held.wait(WITHIN).held
        assert direct.get("counted") == b"1"
        held.drop()
        writer.join(WITHIN)
    assert len(outcome) == 1


def test_a_reply_is_forwarded_and_the_connection_is_reset_right_after_it(proxy: FaultProxy) -> None:
    held = proxy.break_at(lambda command: command.label == "PING", side="reply")
    with socket.create_connection(("127.0.0.1", proxy.port), WITHIN) as caller:
        caller.sendall(b"*1\r\n$4\r\nPING\r\n")
        assert held.wait(WITHIN).held
        held.release_and_reset()
        assert eventually(lambda: proxy.counters.closed, bool, within=WITHIN).value == 1
        assert caller.recv(100) == b"+PONG\r\n"  # reply and reset have arrived before it reads
        with pytest.raises(ConnectionResetError):
            caller.recv(100)


@pytest.mark.parametrize("fault", ["close_connections", "reset"])
def test_connections_are_closed(proxy: FaultProxy, fault: str) -> None:
    with client(proxy) as through:
        through.ping()
        getattr(proxy, fault)()
        assert through.ping()  # redis-py notices that its connection is gone, and makes another
    assert (proxy.counters.closed, proxy.counters.connections) == (1, 2)


def test_refused_connections_a_black_hole_dropped_replies_and_delays(proxy: FaultProxy, valkey: str) -> None:
    proxy.refuse(True)
    with pytest.raises(redis.ConnectionError):
        client(proxy).ping()
    proxy.heal()
    for fault in (proxy.blackhole, proxy.drop_replies):
        with client(proxy, socket_connect_timeout=WITHIN) as through:
            through.connection_pool.connection_kwargs["socket_timeout"] = 0.3
            through.delete("dropped")
            fault(True)
            with pytest.raises(redis.TimeoutError):
                through.set("dropped", 1)
        with redis.Redis.from_url(valkey) as direct:
            assert direct.exists("dropped") == (fault == proxy.drop_replies)
        proxy.heal()
    proxy.slow(0.05)
    with client(proxy) as through:
        assert through.ping()
    assert proxy.counters.refused == 1
    assert proxy.counters.swallowed_bytes > 0
    assert proxy.counters.delayed >= 2


def test_a_server_that_does_not_listen_is_a_reset() -> None:
    proxy = FaultProxy(("127.0.0.1", servers.free_port()), "redis")
    proxy.start()
    with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", proxy.port), WITHIN) as caller:
        caller.recv(1)  # on a busy machine the reset arrives before `connect` returns
    proxy.close()


def test_postgresql_through_a_fault_proxy(postgres: str) -> None:
    proxy = started(postgres, "postgres")
    held = proxy.break_at(lambda command: command.label == "execute" and "insert" in command.words[1], side="reply")

    async def talk() -> None:
        direct = await asyncpg.connect(postgres)
        await direct.execute("create table if not exists held (n int)")
        through = await asyncpg.connect(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")
        assert await through.fetchval("select $1::int + 1", 41) == 42
        writing = asyncio.create_task(through.fetch("insert into held values ($1) returning n", 7))
        assert (await asyncio.to_thread(held.wait, WITHIN)).held
        assert await direct.fetchval("select count(*) from held") == 1
        await asyncio.to_thread(held.drop)
        with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
            await writing
        await direct.close()

    asyncio.run(talk())
    assert [command.label for command in proxy.commands][:2] in (["ssl", "connect"], ["connect", "prepare"])
    proxy.close()
