import math
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from system import contract
from system.consumer.backlog import Backlog
from system.consumer.decide import Malformed
from system.db.store import Store
from tests.unit.consumer.conftest import Bench

pytestmark = pytest.mark.anyio

POISON = uuid.UUID("018f0000-0000-7000-8000-00000000dead")


@pytest.fixture
async def poison(bench: Bench) -> AsyncIterator[uuid.UUID]:
    """A vote id that satisfies the contract but that the database rejects."""
    await bench.sql.execute(f"alter table vote_ledger add constraint poison check (vote_id <> '{POISON}')")
    yield POISON
    await bench.sql.execute("alter table vote_ledger drop constraint poison")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({b"vote": b"cats"}, "missing field option"),
        ({b"option": b"cats", b"timestamp": b"1", b"request_id": b"7"}, "request_id is not a canonical UUID"),
        ({b"option": b"\xff", b"timestamp": b"1", b"request_id": b"7"}, "option is not UTF-8"),
        (
            {b"option": b"fish", b"timestamp": b"1", b"request_id": str(POISON).encode()},
            "option is not one of VOTE_OPTIONS",
        ),
    ],
)
async def test_a_malformed_entry_moves_to_the_dead_letter_stream_unchanged(
    bench: Bench, events: list[Any], fields: dict[bytes, bytes], reason: str
) -> None:
    source = await bench.add(fields)
    await bench.consumer().run_once()
    assert await bench.dead() == [{**fields, b"source_id": source, b"reason": reason.encode()}]
    assert await bench.pending() == []
    assert await bench.counts() == {}
    logged = [line for line in events if line["event"].startswith("malformed_message")]
    assert [(line["event"], line["stream_id"], line["reason"]) for line in logged] == [
        ("malformed_message_detected", source.decode(), reason),
        ("malformed_message_dead_lettered", source.decode(), reason),
    ]


async def test_malformed_entries_do_not_wait_for_the_database(bench: Bench) -> None:
    consumer = bench.consumer(store=await Store.connect("postgresql://postgres@127.0.0.1:1/postgres", command_timeout=1))
    await bench.add({"junk": "1"})
    cast = await bench.cast()
    for _ in range(2):
        with pytest.raises(OSError, match="Connect call failed"):
            await consumer.run_once()
    assert len(await bench.dead()) == 1
    assert await bench.pending() == [cast]


async def test_other_votes_in_a_batch_with_a_poison_vote_are_counted_immediately(bench: Bench, poison: uuid.UUID) -> None:
    for _ in range(4):
        await bench.cast()
    poisonous = await bench.cast("cats", poison)
    for _ in range(5):
        await bench.cast("dogs")
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 4, "dogs": 5}
    assert await bench.pending() == [poisonous]
    assert await bench.dead() == []


async def test_a_poison_vote_is_dead_lettered_at_its_last_delivery(bench: Bench, poison: uuid.UUID) -> None:
    source = await bench.cast("cats", poison)
    consumer = bench.consumer(max_retries=3)
    for _ in range(2):
        await consumer.run_once()
        assert await bench.pending() == [source]
    await consumer.run_once()
    assert await bench.pending() == []
    [letter] = await bench.dead()
    assert letter[b"source_id"] == source
    assert letter[b"request_id"] == str(poison).encode()
    assert letter[b"reason"] == b"the database rejected it: CheckViolationError"


async def test_the_first_of_two_votes_with_one_id_counts_next_to_a_poison_vote(bench: Bench, poison: uuid.UUID) -> None:
    vote = uuid.uuid4()
    await bench.cast("dogs", vote)
    await bench.cast("cats", poison)
    await bench.cast("cats", vote)
    await bench.consumer(max_retries=1).run_once()
    assert await bench.counts() == {"dogs": 1}
    assert await bench.pending() == []
    assert len(await bench.dead()) == 1


async def test_entries_read_ahead_are_not_claimed_and_dead_lettered_twice(bench: Bench) -> None:
    for number in range(4):
        await bench.add({"junk": str(number)})
    consumer = bench.consumer(batch_size=3, claim_idle_ms=1)
    await consumer.run_once()  # dead-letters three, and reads the fourth ahead
    stream, group = bench.settings.stream_name, bench.settings.consumer_group
    while not await bench.redis.xpending_range(stream, group, "-", "+", 1, idle=5):
        pass  # until the entry is idle long enough to be claimed
    await consumer.run_once()
    assert [letter[b"junk"] for letter in await bench.dead()] == [b"0", b"1", b"2", b"3"]
    assert await bench.pending() == []


async def test_an_entry_dead_lettered_by_another_consumer_is_not_moved_again(bench: Bench) -> None:
    source = await bench.add({"junk": "1"})
    await bench.deliver_to("frozen")
    late = bench.consumer(consumer_name="frozen")
    await bench.consumer(claim_idle_ms=0).run_once()
    await late._dead_letters.move([Malformed(source.decode(), {b"junk": b"1"}, "junk")])  # it still holds the entry and resumes
    assert len(await bench.dead()) == 1


async def test_an_entry_with_thousands_of_fields_is_dead_lettered(bench: Bench) -> None:
    fields = {f"field {number}".encode(): b"x" for number in range(9000)}
    await bench.add(fields)
    await bench.consumer().run_once()
    [letter] = await bench.dead()
    assert len(letter) == len(fields) + 2
    assert await bench.pending() == []


LARGE = {f"field {number}".encode(): b"x" for number in range(9000)}
"""Too many fields for the script, so that it moves in two steps."""

Refusal = Callable[[Bench], AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def as_restricted(bench: Bench, *rules: str) -> AsyncIterator[Bench]:
    """Connect the consumer as a Redis user with these rules."""
    await bench.redis.execute_command("ACL", "SETUSER", "restricted", "reset", "on", ">p", *rules)
    connection = Redis.from_url(bench.settings.redis_url.replace("redis://", "redis://restricted:p@"))
    try:
        yield replace(bench, redis=connection)
    finally:
        await bench.redis.execute_command("ACL", "SETUSER", "restricted", "+@all", "~*")  # for consumers that have not reconnected
        await connection.aclose()


@asynccontextmanager
async def no_permission_for_the_key(bench: Bench) -> AsyncIterator[Bench]:
    async with as_restricted(bench, "+@all", f"~{bench.settings.stream_name}") as restricted:
        yield restricted


@asynccontextmanager
async def no_permission_for_scripts(bench: Bench) -> AsyncIterator[Bench]:
    async with as_restricted(bench, "+@all", "-eval", "-xadd", "~*") as restricted:
        yield restricted


@asynccontextmanager
async def no_permission_inside_the_script(bench: Bench) -> AsyncIterator[Bench]:
    async with as_restricted(bench, "+@all", "-xadd", "~*") as restricted:
        yield restricted


@asynccontextmanager
async def another_type_under_the_name(bench: Bench) -> AsyncIterator[Bench]:
    dead = contract.dead_letters(bench.settings.stream_name)
    await bench.redis.set(dead, "not a stream")
    try:
        yield bench
    finally:
        await bench.redis.delete(dead)


@asynccontextmanager
async def out_of_memory(bench: Bench) -> AsyncIterator[Bench]:
    await bench.redis.xgroup_create(bench.settings.stream_name, bench.settings.consumer_group, 0)
    await bench.redis.config_set("maxmemory", 1)
    try:
        yield bench
    finally:
        await bench.redis.config_set("maxmemory", 0)


REFUSALS = [
    no_permission_for_the_key,
    no_permission_for_scripts,
    no_permission_inside_the_script,
    another_type_under_the_name,
    out_of_memory,
]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("bad", [{b"junk": b"1"}, LARGE], ids=["small", "large"])
async def test_an_entry_that_cannot_be_dead_lettered_is_set_aside_and_the_rest_is_counted(
    bench: Bench, events: list[Any], refusal: Refusal, bad: dict[bytes, bytes]
) -> None:
    before = await bench.cast()
    source = await bench.add(bad)
    await bench.cast("dogs")
    async with refusal(bench) as refused:
        consumer = refused.consumer(claim_idle_ms=100_000)
        await consumer.run_once()
        assert await bench.counts() == {"cats": 1, "dogs": 1}
        assert await bench.pending() == [source]
        assert source in await bench.stream()
        assert consumer._metrics.aside._value.get() == 1
        assert [(line["count"], line["stream_ids"]) for line in events if line["event"] == "malformed_message_set_aside"] == [
            (1, [source.decode()])
        ]
    await bench.cast()
    await consumer.run_once()  # not due yet, and the next votes are counted
    assert await bench.counts() == {"cats": 2, "dogs": 1}
    assert (await bench.pending(), await bench.dead()) == ([source], [])
    consumer._dead_letters._retry_at = consumer._claim_at = 0.0
    await consumer.run_once()
    assert await bench.dead() == [{**bad, b"source_id": source, b"reason": b"missing field option"}]
    assert await bench.pending() == []
    assert before not in await bench.stream()
    assert consumer._metrics.aside._value.get() == 0
    await consumer._redis.aclose()


async def test_each_retry_waits_longer_and_an_entry_is_reported_once(bench: Bench, events: list[Any]) -> None:
    await bench.add({"junk": "1"})
    async with another_type_under_the_name(bench):
        consumer = bench.consumer(claim_idle_ms=100_000)
        for _ in range(8):
            await consumer.run_once()
            consumer._dead_letters._retry_at = 0.0
    seconds = [line["retry_in_seconds"] for line in events if line["event"] == "malformed_message_set_aside"]
    assert seconds == [1, 2, 4, 8, 16, 30, 30, 30]
    assert len([line for line in events if line["event"] == "malformed_message_detected"]) == 1


async def test_later_entries_are_tried_although_an_earlier_one_stays(bench: Bench) -> None:
    stuck = await bench.add({"junk": "stuck"})
    await bench.add({"junk": "1"})
    consumer = bench.consumer(batch_size=1, claim_idle_ms=100_000)
    sent = consumer._dead_letters._send

    async def refuse_the_first(malformed: Sequence[Malformed]) -> list[Any]:
        return [ResponseError("refused")] if malformed[0].stream_id == stuck.decode() else await sent(malformed)

    consumer._dead_letters._send = refuse_the_first  # type: ignore[method-assign]
    for _ in range(3):
        await consumer.run_once()
        consumer._dead_letters._retry_at = 0.0
    assert await bench.pending() == [stuck]
    assert [letter[b"junk"] for letter in await bench.dead()] == [b"1"]


async def test_a_vote_that_the_database_rejects_is_set_aside_too(bench: Bench, poison: uuid.UUID) -> None:
    source = await bench.cast("cats", poison)
    async with another_type_under_the_name(bench):
        consumer = bench.consumer(max_retries=1, claim_idle_ms=100_000)
        await consumer.run_once()
        await bench.cast("dogs")
        await consumer.run_once()
        assert await bench.counts() == {"dogs": 1}
        assert await bench.pending() == [source]
    consumer._dead_letters._retry_at = 0.0
    await consumer.run_once()
    assert [letter[b"source_id"] for letter in await bench.dead()] == [source]
    assert await bench.pending() == []


@pytest.mark.parametrize("command", ["-eval", "-xinfo", "-xpending", "-xrange", "-time"])
async def test_upkeep_that_is_not_allowed_is_told_and_counting_goes_on(bench: Bench, events: list[Any], command: str) -> None:
    async with as_restricted(bench, "+@all", command, "~*") as restricted:
        consumer = restricted.consumer(claim_idle_ms=100)
        for expected in (1, 2):
            await bench.cast()
            await consumer.run_once()
            assert await bench.counts() == {"cats": expected}
            consumer._measure_at = consumer._claim_at = 0.0
    assert [line for line in events if line["event"] == "upkeep_refused"] or command == "-xinfo"


@pytest.mark.parametrize("command", ["-xinfo", "-xpending", "-xrange", "-time"])
async def test_a_backlog_that_may_not_be_measured_any_more_is_unknown(bench: Bench, command: str) -> None:
    async with as_restricted(bench, "+@all", command, "~*") as restricted:
        consumer = restricted.consumer()
        await bench.cast()
        await consumer.run_once()  # the group exists now
        consumer._metrics.show(Backlog(3, 2, 1.0))
        consumer._measure_at = 0.0
        await consumer.run_once()
        names = "vote_lag_entries", "vote_pending_entries", "vote_oldest_seconds"
        shown = {name: consumer._metrics._registry.get_sample_value(name) for name in names}
    assert {name: value for name, value in shown.items() if value is None or not math.isnan(value)} == {}
