import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

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


async def test_an_entry_moves_between_streams_atomically(bench: Bench) -> None:
    async def transactions() -> int:
        return int((await bench.redis.info("commandstats")).get("cmdstat_exec", {"calls": 0})["calls"])

    await bench.add({"junk": "1"})
    before = await transactions()
    await bench.consumer().run_once()
    assert await transactions() == before + 1


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
    await late._dead_letter([Malformed(source.decode(), {b"junk": b"1"}, "junk")])  # it still holds the entry and resumes
    assert len(await bench.dead()) == 1


async def test_an_entry_with_thousands_of_fields_is_dead_lettered(bench: Bench) -> None:
    fields = {f"field {number}".encode(): b"x" for number in range(9000)}
    await bench.add(fields)
    await bench.consumer().run_once()
    [letter] = await bench.dead()
    assert len(letter) == len(fields) + 2
    assert await bench.pending() == []
