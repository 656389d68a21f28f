import asyncio
import uuid
from typing import Any

import asyncpg
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from system.consumer.loop import Consumer
from system.db.store import Store
from tests.unit.consumer.conftest import Bench

pytestmark = pytest.mark.anyio

VOTE = uuid.UUID("018f0000-0000-7000-8000-000000000001")


async def test_votes_are_counted_and_acknowledged(bench: Bench) -> None:
    for option in ("cats", "dogs", "cats"):
        await bench.cast(option)
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 2, "dogs": 1}
    assert await bench.pending() == []
    [group] = await bench.redis.xinfo_groups(bench.settings.stream_name)
    assert group["lag"] == 0


async def test_a_vote_twice_in_a_batch_counts_once(bench: Bench, events: list[Any]) -> None:
    await bench.cast("cats", VOTE)
    again = await bench.cast("cats", VOTE)
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 1}
    assert await bench.pending() == []
    assert [line["stream_ids"] for line in events if line["event"] == "duplicate_refused"] == [[again.decode()]]


async def test_a_vote_in_two_batches_counts_once(bench: Bench) -> None:
    consumer = bench.consumer()
    for _ in range(2):
        await bench.cast("cats", VOTE)
        await consumer.run_once()
    assert await bench.counts() == {"cats": 1}


async def test_the_first_of_two_options_in_one_batch_counts(bench: Bench) -> None:
    await bench.cast("dogs", VOTE)
    await bench.cast("cats", VOTE)
    await bench.consumer().run_once()
    assert await bench.counts() == {"dogs": 1}


async def test_the_first_of_two_options_in_two_batches_counts(bench: Bench) -> None:
    consumer = bench.consumer()
    for option in ("dogs", "cats"):
        await bench.cast(option, VOTE)
        await consumer.run_once()
    assert await bench.counts() == {"dogs": 1}
    assert await bench.pending() == []


async def test_a_crash_between_commit_and_acknowledgement_counts_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.cast()

    async def crash(*_: object) -> None:
        raise RedisConnectionError("killed")

    with monkeypatch.context() as crashing:
        crashing.setattr(Consumer, "_acknowledge", crash)
        with pytest.raises(RedisConnectionError):
            await bench.consumer().run_once()
    assert len(await bench.pending()) == 1
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 1}
    assert await bench.pending() == []


async def test_a_vote_stays_pending_while_the_database_is_down_and_counts_later(bench: Bench) -> None:
    nowhere = await Store.connect("postgresql://postgres@127.0.0.1:1/postgres", command_timeout=1)
    consumer = bench.consumer(store=nowhere)
    cast = await bench.cast()
    for _ in range(bench.settings.max_retries + 2):
        with pytest.raises(OSError, match="Connect call failed"):
            await consumer.run_once()
    assert await bench.pending() == [cast]
    consumer._store = bench.store
    await consumer.run_once()
    assert await bench.counts() == {"cats": 1}
    assert await bench.pending() == []


async def test_a_missing_function_is_not_the_entrys_fault(bench: Bench) -> None:
    cast = await bench.cast()
    consumer = bench.consumer(max_retries=1)
    await bench.sql.execute("alter function increment_votes rename to mislaid")
    try:
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await consumer.run_once()
    finally:
        await bench.sql.execute("alter function mislaid rename to increment_votes")
    assert await bench.pending() == [cast]
    await consumer.run_once()
    assert await bench.counts() == {"cats": 1}


async def test_the_same_votes_in_two_concurrent_consumers_count_once(bench: Bench) -> None:
    votes = [uuid.uuid4() for _ in range(10)]
    for vote in votes + votes[::-1]:
        await bench.cast("cats", vote)
    await bench.redis.xgroup_create(bench.settings.stream_name, bench.settings.consumer_group, 0)
    for name in ("first", "second"):
        await bench.redis.xreadgroup(bench.settings.consumer_group, name, {bench.settings.stream_name: ">"}, count=10)
    await asyncio.gather(bench.consumer().run_once(), bench.consumer(consumer_name="second").run_once())
    assert await bench.counts() == {"cats": 10}
    assert await bench.pending() == []
