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


async def test_the_group_begins_at_the_first_entry(bench: Bench, events: list[Any]) -> None:
    await bench.cast()
    await bench.consumer().run_once()
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 1}
    assert named(events, "consumer_group_created", "consumer_group_exists") == ["consumer_group_created", "consumer_group_exists"]


async def test_a_group_that_vanished_is_made_again(bench: Bench, events: list[Any]) -> None:
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


async def test_a_stream_deleted_during_the_wait_ends_no_loop(bench: Bench, events: list[Any]) -> None:
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
    """Return once a read waits for entries."""
    async with asyncio.timeout(5):
        while not (await bench.redis.info("clients"))["blocked_clients"]:
            pass


async def test_own_pending_entries_come_before_new_ones(bench: Bench, events: list[Any]) -> None:
    old = await bench.cast()
    await bench.deliver_to("first")
    new = await bench.cast()
    await bench.consumer().run_once()
    assert [line["first"] for line in events if line["event"] == "vote_processed"] == [old.decode(), new.decode()]


async def test_own_pending_entries_are_read_to_the_end(bench: Bench) -> None:
    for _ in range(25):
        await bench.cast()
    await bench.deliver_to("first")
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 25}
    assert await bench.pending() == []


async def test_after_an_error_what_is_pending_is_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = bench.consumer()
    await consumer.run_once()
    for _ in range(25):  # more than a batch: one in hand, one read ahead, and a rest
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


async def test_the_entries_of_a_dead_consumer_are_claimed_over_several_pages(bench: Bench, events: list[Any]) -> None:
    for _ in range(25):
        await bench.cast()
    await bench.deliver_to("dead")
    await bench.consumer(claim_idle_ms=0).run_once()
    assert await bench.counts() == {"cats": 25}
    assert await bench.pending() == []
    assert sum(line["count"] for line in events if line["event"] == "messages_claimed") == 25


async def test_the_entries_of_a_busy_consumer_are_left_to_it(bench: Bench) -> None:
    cast = await bench.cast()
    await bench.deliver_to("busy")
    await bench.consumer(claim_idle_ms=60_000).run_once()
    assert await bench.counts() == {}
    assert await bench.pending() == [cast]


@pytest.mark.parametrize("holder", ["first", "dead"])
async def test_a_pending_entry_whose_body_is_gone_is_told_and_let_go(bench: Bench, events: list[Any], holder: str) -> None:
    gone, kept = await bench.cast("cats"), await bench.cast("dogs")
    await bench.deliver_to(holder)
    await bench.redis.xdel(bench.settings.stream_name, gone)
    await bench.consumer(claim_idle_ms=0).run_once()
    assert [line["stream_ids"] for line in events if line["event"] == "vote_lost"] == [[gone.decode()]]
    assert await bench.counts() == {"dogs": 1}
    assert await bench.pending() == []
    assert kept in await bench.stream()


async def test_a_stop_ends_the_wait_and_settles_what_was_read_ahead(bench: Bench) -> None:
    consumer = bench.consumer(block_ms=60_000)
    for _ in range(20):
        await bench.cast()
    await consumer.run_once()  # one batch counted, the other read ahead
    consumer.stop()
    async with asyncio.timeout(5):
        await consumer.run()
    assert await bench.counts() == {"cats": 20}
    assert await bench.pending() == []


async def test_a_stop_interrupts_a_wait_for_entries(bench: Bench) -> None:
    consumer = bench.consumer(block_ms=60_000)
    running = asyncio.create_task(consumer.run())
    await blocked(bench)
    consumer.stop()
    async with asyncio.timeout(5):
        await running
    assert await upkeep.remove_own_name(bench.redis, bench.settings) == ["first"]  # the client is as good as before
