import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from system.consumer import upkeep
from tests.unit.consumer.conftest import Bench

pytestmark = pytest.mark.anyio


async def test_entries_that_all_groups_are_done_with_are_trimmed(bench: Bench) -> None:
    cast = [await bench.cast() for _ in range(5)]
    await bench.consumer().run_once()
    assert await bench.stream() == cast[-1:]


async def test_pending_entries_of_any_group_are_not_trimmed(bench: Bench) -> None:
    cast = [await bench.cast() for _ in range(2)]
    await bench.deliver_to("busy")
    await bench.redis.xack(bench.settings.stream_name, bench.settings.consumer_group, cast[0])
    cast += [await bench.cast() for _ in range(3)]
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 3}
    assert await bench.stream() == cast[1:]


async def test_entries_another_group_has_not_read_are_not_trimmed(bench: Bench) -> None:
    cast = [await bench.cast()]
    await bench.deliver_to("reader", group="others")
    await bench.redis.xack(bench.settings.stream_name, "others", cast[0])
    cast += [await bench.cast() for _ in range(3)]
    await bench.consumer().run_once()
    assert await bench.stream() == cast


async def test_ids_are_compared_with_full_precision(bench: Bench) -> None:
    stream = bench.settings.stream_name
    for stream_id in ("9-5", "10-9007199254740992", "10-9007199254740993"):
        await bench.redis.xadd(stream, {"a": "1"}, id=stream_id)
    await bench.redis.xgroup_create(stream, "ahead", "10-9007199254740993")
    await bench.redis.xgroup_create(stream, "behind", "10-9007199254740992")
    await bench.redis.eval(upkeep.TRIM, 1, stream)
    assert await bench.stream() == [b"10-9007199254740992", b"10-9007199254740993"]


async def test_trimming_a_missing_stream_does_nothing(bench: Bench) -> None:
    assert await bench.redis.eval(upkeep.TRIM, 1, bench.settings.stream_name) == 0


async def names(bench: Bench) -> set[str]:
    found = await bench.redis.xinfo_consumers(bench.settings.stream_name, bench.settings.consumer_group)
    return {consumer["name"].decode() for consumer in found}


async def test_idle_consumers_are_removed_unless_they_have_pending_entries(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.cast()
    await bench.deliver_to("busy")
    for name in ("first", "idle"):
        await bench.redis.xgroup_createconsumer(bench.settings.stream_name, bench.settings.consumer_group, name)
    assert await upkeep.remove_idle_names(bench.redis, bench.settings) == []
    monkeypatch.setattr(upkeep, "NAME_IDLE_MS", 0)
    assert await upkeep.remove_idle_names(bench.redis, bench.settings) == ["idle"]
    assert await names(bench) == {"busy", "first"}


async def test_a_consumer_with_pending_entries_keeps_its_name(bench: Bench) -> None:
    cast = await bench.cast()
    await bench.deliver_to("first")
    assert await upkeep.remove_own_name(bench.redis, bench.settings) == []
    await bench.redis.xack(bench.settings.stream_name, bench.settings.consumer_group, cast)
    assert await upkeep.remove_own_name(bench.redis, bench.settings) == ["first"]
    assert await names(bench) == set()


MANY = 10_000
TURN_SECONDS = 10.0  # measured: 0.2 s, of which Redis is busy for 0.07 s
NEAR_THE_FLOOR_BYTES = 100_000  # ten thousand names take 1.7 MB


async def memory(bench: Bench) -> int:
    return int((await bench.redis.info("memory"))["used_memory"])


async def memory_is_back_at(floor: int, bench: Bench) -> None:
    """Wait until memory use is back near `floor`. Redis releases its own buffers within about a second."""
    end = time.monotonic() + 5
    while (used := await memory(bench)) > floor + NEAR_THE_FLOOR_BYTES:
        assert time.monotonic() < end, f"{used - floor} bytes above the floor"


@pytest.fixture
async def crowd(bench: Bench) -> AsyncIterator[Redis]:
    """A separate client for many consumers: closing it releases what Redis keeps per connection."""
    async with Redis.from_url(bench.settings.redis_url) as redis:
        yield redis


async def join(crowd: Redis, bench: Bench, names: Sequence[str]) -> None:
    async with crowd.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.xgroup_createconsumer(bench.settings.stream_name, bench.settings.consumer_group, name)
        await pipe.execute()


async def test_ten_thousand_stopped_consumers_leave_no_trace(bench: Bench, crowd: Redis) -> None:
    await bench.consumer().run_once()
    floor = await memory(bench)
    for first in range(0, MANY, 50):
        fleet = [f"consumer-{number}" for number in range(first, first + 50)]
        await join(crowd, bench, fleet)
        leaving = (bench.settings.model_copy(update={"consumer_name": name}) for name in fleet)
        assert await asyncio.gather(*(upkeep.remove_own_name(crowd, own) for own in leaving)) == [[name] for name in fleet]
    await crowd.aclose()
    assert await names(bench) == {"first"}
    await memory_is_back_at(floor, bench)


async def test_ten_thousand_idle_consumers_leave_no_trace_and_do_not_delay_a_turn(
    bench: Bench, crowd: Redis, monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    await bench.consumer().run_once()
    floor = await memory(bench)
    await join(crowd, bench, [f"consumer-{number}" for number in range(MANY)])
    await crowd.aclose()
    assert len(await names(bench)) == MANY + 1
    assert await memory(bench) > floor + 10 * NEAR_THE_FLOOR_BYTES
    monkeypatch.setattr(upkeep, "NAME_IDLE_MS", 0)
    began = time.monotonic()
    await bench.consumer().run_once()
    seconds = time.monotonic() - began
    assert await names(bench) == {"first"}
    assert sum(line["event"] == "consumer_name_removed" for line in events) == MANY
    assert seconds < TURN_SECONDS
    await bench.cast()
    await bench.consumer().run_once()  # Redis releases the memory of removed names at the next write
    await memory_is_back_at(floor, bench)
