import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from system.settings import ConsumerSettings
from tests.unit.consumer.conftest import Bench

CLOSING = [
    "shutdown_signal_received",
    "consumer_shutting_down",
    "closing_redis_client",
    "closing_postgres_pool",
    "consumer_shutdown_complete",
]
NOWHERE = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://postgres@127.0.0.1:1/postgres"}


def environment(settings: ConsumerSettings, **changes: str) -> dict[str, str]:
    names = ("redis_url", "database_url", "stream_name", "heartbeat_file")
    return {**os.environ, **{name.upper(): str(getattr(settings, name)) for name in names}, **changes}


@contextlib.contextmanager
def started(env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "system.consumer"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        guard = threading.Timer(120, process.kill)  # one that says nothing must fail the test instead of blocking it
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            process.kill()


def until(process: subprocess.Popen[str], event: str) -> list[Any]:
    """Return the log lines up to an event."""
    assert process.stdout is not None
    lines: list[Any] = []
    while not lines or lines[-1]["event"] != event:
        line = process.stdout.readline()
        assert line, f"the log ended before {event}: {lines}"
        lines.append(json.loads(line))
    return lines


def stopped(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[list[str], float]:
    """Stop the process. Return the closing events and the seconds it took."""
    begin = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate()
    seconds = time.monotonic() - begin
    assert process.returncode == 0, errors
    names = [json.loads(line)["event"] for line in output.splitlines()]
    return [name for name in names if name in CLOSING], seconds


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_startup_and_shutdown_log_their_events_in_order(settings: ConsumerSettings, number: signal.Signals) -> None:
    with started(environment(settings)) as process:
        begin = until(process, "consumer_group_created")
        assert [line["event"] for line in begin] == ["consumer_starting", "consumer_group_created"]
        assert begin[0]["version"] == "0.3.0"
        closing, seconds = stopped(process, number)
    assert closing == CLOSING
    assert seconds < 5


def test_it_retries_while_servers_are_down_and_still_stops(settings: ConsumerSettings) -> None:
    with started(environment(settings, **NOWHERE)) as process:
        assert until(process, "redis_unavailable")[-1]["attempt"] == 1
        assert until(process, "redis_unavailable")[-1]["attempt"] == 2
        closing, seconds = stopped(process)
    assert closing == CLOSING
    assert seconds < 1.5


@pytest.mark.parametrize("frozen", ["valkey", "postgres"])
def test_it_stops_while_a_server_is_frozen(settings: ConsumerSettings, frozen: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(frozen)
    with started(environment(settings, BLOCK_MS="100")) as process:
        until(process, "consumer_group_created")
        asyncio.run(cast(settings, 1))
        until(process, "vote_processed")
        with server.frozen():
            closing, seconds = stopped(process)
    assert closing == CLOSING
    assert seconds < 5


@pytest.mark.anyio
async def test_stopping_mid_stream_loses_and_duplicates_nothing(bench: Bench) -> None:
    total = 20_000
    await cast(bench.settings, total)
    env = environment(bench.settings, BATCH_SIZE="100")
    with started(env) as process:
        until(process, "vote_processed")
        closing, _ = stopped(process)
    assert closing == CLOSING
    before = (await bench.counts())["cats"]
    assert 0 < before < total
    assert await bench.pending() == []
    with started(env) as process:
        seen = before
        while seen < total:
            seen += until(process, "vote_processed")[-1]["count"]
        stopped(process)
    assert await bench.counts() == {"cats": total}
    assert await bench.pending() == []


@pytest.mark.anyio
async def test_a_kill_mid_stream_loses_and_duplicates_nothing(bench: Bench) -> None:
    total = 5_000
    await cast(bench.settings, total)
    env = environment(bench.settings, BATCH_SIZE="100", CONSUMER_NAME="first")
    for _ in range(3):
        with started(env) as process:
            until(process, "processing_vote")
            process.kill()
    consumer = bench.consumer(batch_size=1000)
    for _ in range(total // 1000 + 1):
        await consumer.run_once()
    assert await bench.counts() == {"cats": total}
    assert await bench.pending() == []


async def cast(settings: ConsumerSettings, number: int) -> None:
    async with Redis.from_url(settings.redis_url) as redis, redis.pipeline(transaction=False) as pipe:
        for _ in range(number):
            pipe.xadd(settings.stream_name, {"option": "cats", "timestamp": "1", "request_id": str(uuid.uuid4())})
        await pipe.execute()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "http://:hidden@127.0.0.1"),
        ("REDIS_URL", "redis://:hidden@127.0.0.1:port"),
        ("DATABASE_URL", "mysql://u:hidden@127.0.0.1/x"),
        ("DATABASE_URL", "postgresql://u:hid#den@127.0.0.1/x"),
        ("STREAM_NAME", ""),
        ("CONSUMER_GROUP", ""),
        ("CONSUMER_NAME", ""),
        ("BATCH_SIZE", "none"),
        ("BLOCK_MS", "0"),
        ("MAX_RETRIES", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("CLAIM_IDLE_MS", "soon"),
        ("METRICS_PORT", "70000"),
        ("HEARTBEAT_FILE", "/nowhere/heartbeat"),
    ],
)
def test_an_invalid_value_exits_with_one_line_that_names_the_variable(settings: ConsumerSettings, name: str, value: str) -> None:
    asyncio.run(cast(settings, 1))  # the database URL is parsed when there is something to count
    with started(environment(settings, **{name: value})) as process:
        output, errors = process.communicate()
    assert process.returncode == 2
    [line] = errors.splitlines()
    assert line.startswith(f"consumer: {name}: ")
    assert "hid" not in output + errors
