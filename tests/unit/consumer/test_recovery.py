import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from system.consumer import upkeep
from system.consumer.loop import Consumer
from tests.unit.consumer.conftest import Bench

pytestmark = pytest.mark.anyio


def named(events: list[Any], *names: str) -> list[str]:
    return [line["event"] for line in events if line["event"] in names]


async def test_the_group_starts_at_the_first_entry(bench: Bench, events: list[Any]) -> None:
    await bench.cast()
    await bench.consumer().run_once()
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 1}
    assert named(events, "consumer_group_created", "consumer_group_exists") == ["consumer_group_created", "consumer_group_exists"]


async def test_a_deleted_group_is_created_again(bench: Bench, events: list[Any]) -> None:
    consumer = bench.consumer()
    await consumer.run_once()
    await bench.redis.delete(bench.settings.stream_name)
    await bench.cast()
    await consumer.run_once()
    await consumer.run_once()
    assert await bench.counts() == {"cats": 1}
    assert named(events, "consumer_group_created", "consumer_group_lost") == [
        "consumer_group_created",
        "consumer_group_lost",
        "consumer_group_created",
    ]


async def test_the_loop_survives_a_stream_deleted_during_a_blocking_read(bench: Bench, events: list[Any]) -> None:
    consumer = bench.consumer(block_ms=5000)
    await bench.consumer().run_once()
    waiting = asyncio.create_task(consumer.run_once())
    await blocked(bench)
    await bench.redis.delete(bench.settings.stream_name)
    await waiting
    await bench.cast()
    await consumer.run_once()
    assert named(events, "consumer_group_lost") == ["consumer_group_lost"]
    assert await bench.counts() == {"cats": 1}


async def blocked(bench: Bench) -> None:
    """Wait until a read is blocked."""
    async with asyncio.timeout(5):
        while not (await bench.redis.info("clients"))["blocked_clients"]:
            pass


async def test_own_pending_entries_come_before_new_ones(bench: Bench, events: list[Any]) -> None:
    old = await bench.cast()
    await bench.deliver_to("first")
    new = await bench.cast()
    await bench.consumer().run_once()
    assert [line["first"] for line in events if line["event"] == "vote_processed"] == [old.decode(), new.decode()]


async def test_all_own_pending_entries_are_read(bench: Bench) -> None:
    for _ in range(25):
        await bench.cast()
    await bench.deliver_to("first")
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 25}
    assert await bench.pending() == []


async def test_pending_entries_are_read_again_after_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = bench.consumer()
    await consumer.run_once()
    for _ in range(25):  # more than two batches: one current, one read ahead, and a remainder
        await bench.cast()

    async def crash(*_: object) -> None:
        raise RedisConnectionError("killed")

    with monkeypatch.context() as crashing:
        crashing.setattr(Consumer, "_count", crash)
        with pytest.raises(RedisConnectionError):
            await consumer.run_once()
    await consumer.run_once()
    await consumer.run_once()
    assert await bench.counts() == {"cats": 25}
    assert await bench.pending() == []


async def test_the_entries_of_a_dead_consumer_are_claimed_in_several_pages(bench: Bench, events: list[Any]) -> None:
    for _ in range(25):
        await bench.cast()
    await bench.deliver_to("dead")
    await bench.consumer(claim_idle_ms=0).run_once()
    assert await bench.counts() == {"cats": 25}
    assert await bench.pending() == []
    assert sum(line["count"] for line in events if line["event"] == "messages_claimed") == 25


async def test_the_entries_of_a_busy_consumer_are_not_claimed(bench: Bench) -> None:
    cast = await bench.cast()
    await bench.deliver_to("busy")
    await bench.consumer(claim_idle_ms=60_000).run_once()
    assert await bench.counts() == {}
    assert await bench.pending() == [cast]


@pytest.mark.parametrize("holder", ["first", "dead"])
async def test_a_pending_entry_that_no_longer_exists_is_logged_and_acknowledged(bench: Bench, events: list[Any], holder: str) -> None:
    gone, kept = await bench.cast("cats"), await bench.cast("dogs")
    await bench.deliver_to(holder)
    await bench.redis.xdel(bench.settings.stream_name, gone)
    await bench.consumer(claim_idle_ms=0).run_once()
    assert [line["stream_ids"] for line in events if line["event"] == "vote_lost"] == [[gone.decode()]]
    assert await bench.counts() == {"dogs": 1}
    assert await bench.pending() == []
    assert kept in await bench.stream()


async def test_stopping_cancels_the_wait_and_processes_the_batch_read_ahead(bench: Bench) -> None:
    consumer = bench.consumer(block_ms=60_000)
    for _ in range(20):
        await bench.cast()
    await consumer.run_once()  # counts one batch and reads the other ahead
    consumer.stop()
    async with asyncio.timeout(5):
        await consumer.run()
    assert await bench.counts() == {"cats": 20}
    assert await bench.pending() == []


async def test_stopping_interrupts_a_blocking_read(bench: Bench) -> None:
    consumer = bench.consumer(block_ms=60_000)
    running = asyncio.create_task(consumer.run())
    await blocked(bench)
    consumer.stop()
    async with asyncio.timeout(5):
        await running
    assert await upkeep.remove_own_name(bench.redis, bench.settings) == ["first"]  # the client is still usable
