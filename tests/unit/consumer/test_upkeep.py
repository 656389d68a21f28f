import pytest

from system.consumer import upkeep
from tests.unit.consumer.conftest import Bench

pytestmark = pytest.mark.anyio


async def test_what_everyone_is_done_with_is_trimmed(bench: Bench) -> None:
    cast = [await bench.cast() for _ in range(5)]
    await bench.consumer().run_once()
    assert await bench.stream() == cast[-1:]


async def test_nothing_pending_is_trimmed_with_whomever_it_is(bench: Bench) -> None:
    cast = [await bench.cast() for _ in range(2)]
    await bench.deliver_to("busy")
    await bench.redis.xack(bench.settings.stream_name, bench.settings.consumer_group, cast[0])
    cast += [await bench.cast() for _ in range(3)]
    await bench.consumer().run_once()
    assert await bench.counts() == {"cats": 3}
    assert await bench.stream() == cast[1:]


async def test_nothing_that_another_group_has_not_read_is_trimmed(bench: Bench) -> None:
    cast = [await bench.cast()]
    await bench.deliver_to("reader", group="others")
    await bench.redis.xack(bench.settings.stream_name, "others", cast[0])
    cast += [await bench.cast() for _ in range(3)]
    await bench.consumer().run_once()
    assert await bench.stream() == cast


async def test_ids_are_compared_to_their_last_digit(bench: Bench) -> None:
    stream = bench.settings.stream_name
    for stream_id in ("9-5", "10-9007199254740992", "10-9007199254740993"):
        await bench.redis.xadd(stream, {"a": "1"}, id=stream_id)
    await bench.redis.xgroup_create(stream, "ahead", "10-9007199254740993")
    await bench.redis.xgroup_create(stream, "behind", "10-9007199254740992")
    await bench.redis.eval(upkeep.TRIM, 1, stream)
    assert await bench.stream() == [b"10-9007199254740992", b"10-9007199254740993"]


async def test_a_stream_that_is_not_there_is_not_trimmed(bench: Bench) -> None:
    assert await bench.redis.eval(upkeep.TRIM, 1, bench.settings.stream_name) == 0


async def names(bench: Bench) -> set[str]:
    found = await bench.redis.xinfo_consumers(bench.settings.stream_name, bench.settings.consumer_group)
    return {consumer["name"].decode() for consumer in found}


async def test_an_idle_name_goes_and_one_with_entries_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.cast()
    await bench.deliver_to("busy")
    for name in ("first", "idle"):
        await bench.redis.xgroup_createconsumer(bench.settings.stream_name, bench.settings.consumer_group, name)
    assert await upkeep.remove_idle_names(bench.redis, bench.settings) == []
    monkeypatch.setattr(upkeep, "NAME_IDLE_MS", 0)
    assert await upkeep.remove_idle_names(bench.redis, bench.settings) == ["idle"]
    assert await names(bench) == {"busy", "first"}


async def test_our_own_name_stays_while_entries_are_pending_under_it(bench: Bench) -> None:
    cast = await bench.cast()
    await bench.deliver_to("first")
    assert await upkeep.remove_own_name(bench.redis, bench.settings) == []
    await bench.redis.xack(bench.settings.stream_name, bench.settings.consumer_group, cast)
    assert await upkeep.remove_own_name(bench.redis, bench.settings) == ["first"]
    assert await names(bench) == set()
