import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import cast

import anyio
import asyncpg
import httpx
import pytest

from system.api.app import create_app
from system.api.results import FRESH_SECONDS, ResultsReader, changes
from system.api.stream import VoteStream
from system.db.migrate import migrate
from system.db.store import Store
from system.settings import ApiSettings
from tests.unit import servers

from .conftest import MemoryStore, Start

pytestmark = pytest.mark.anyio
OPTIONS = ("cats", "dogs")


async def test_results_list_every_option_in_order(start: Start) -> None:
    async with start(vote_options=("zebras", "cats", "dogs")) as api:
        api.store.counts = {"cats": 2, "zebras": 1, "unlisted": 7}
        answer = await api.client.get("/api/results")
    body = answer.json()
    assert answer.headers["cache-control"] == "public, max-age=2"
    assert body["results"] == [
        {"option": "zebras", "count": 1, "percentage": 33.33},
        {"option": "cats", "count": 2, "percentage": 66.67},
        {"option": "dogs", "count": 0, "percentage": 0.0},
    ]
    assert body["total_votes"] == 3
    moment = datetime.fromisoformat(body["last_updated"])
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(seconds=10)


def counts_in(version: str | None) -> str:
    return (version or "").partition("-")[2]


async def test_concurrent_clients_share_one_database_read(start: Start) -> None:
    async with start() as api:
        answers = await asyncio.gather(*(api.client.get("/api/results") for _ in range(64)))
        assert {answer.content for answer in answers} == {answers[0].content}
        assert api.store.reads == 1


async def test_the_database_is_read_again_after_two_seconds() -> None:
    store, now = MemoryStore({"cats": 1}), 100.0
    reader = ResultsReader(store, OPTIONS, clock=lambda: now)
    first = await reader.latest()
    store.counts["cats"] = 2
    now += FRESH_SECONDS - 0.01
    assert await reader.latest() is first
    now += 0.01
    assert counts_in((await reader.latest()).version) == "2-0"
    assert store.reads == 2


COUNT_READINGS = """
create sequence readings;
alter function get_vote_results rename to read_votes;
create function get_vote_results() returns table (option text, count bigint, updated_at timestamptz) language plpgsql as $$
  begin perform nextval('readings'); return query select * from read_votes(); end
$$
"""


async def test_64_clients_cause_one_database_read_in_two_seconds(redis_url: str) -> None:
    answered = 0

    async def keep_reading(client: httpx.AsyncClient) -> None:
        nonlocal answered
        while time.monotonic() < began + 2 * FRESH_SECONDS - 0.5:
            answer = await client.get("/api/results")
            assert answer.status_code == 200
            answered += 1

    with servers.postgres() as postgres:
        await migrate(postgres.url)
        sql = await asyncpg.connect(postgres.url)
        await sql.execute(COUNT_READINGS)
        stream, store = VoteStream.at(redis_url, 60), await Store.connect(postgres.url, command_timeout=5)
        app = create_app(ApiSettings(redis_url=redis_url, database_url=postgres.url), stream, store)
        began = time.monotonic()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://votes.test") as client:
            await asyncio.gather(*(keep_reading(client) for _ in range(64)))
        periods = (time.monotonic() - began) / FRESH_SECONDS
        readings = await sql.fetchval("select last_value from readings")
        for opened in (sql, store, stream):
            await opened.close()
    assert answered > 64 * 2
    assert 2 <= readings <= 1 + periods


async def test_a_failed_read_is_not_cached() -> None:
    store = MemoryStore(failure=OSError())
    reader = ResultsReader(store, OPTIONS, clock=lambda: 0.0)
    with pytest.raises(Exception, match="unavailable"):
        await reader.latest()
    store.failure = None
    assert counts_in((await reader.latest()).version) == "0-0"


async def test_a_client_that_disconnects_does_not_cancel_the_read_for_others() -> None:
    go = asyncio.Event()

    class Slow(MemoryStore):
        async def results(self) -> dict[str, int]:
            await go.wait()
            return await super().results()

    reader = ResultsReader(Slow(), OPTIONS)
    leaving, staying = asyncio.create_task(reader.latest()), asyncio.create_task(reader.latest())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    go.set()
    assert counts_in((await staying).version) == "0-0"


async def test_the_event_stream_sends_changes_and_an_outage_only() -> None:
    class Turns:
        def is_set(self) -> bool:
            return False

        async def wait(self) -> None:
            nonlocal now
            now += FRESH_SECONDS
            store.counts["cats"] = int(now // 10)
            store.failure = OSError() if now == 6 else None

    now = 0.0
    store = MemoryStore()
    stream = changes(ResultsReader(store, OPTIONS, clock=lambda: now), None, cast("anyio.Event", Turns()))
    events = [await anext(stream) for _ in range(4)]
    assert [(event.event, counts_in(event.id)) for event in events] == [(None, "0-0"), ("unavailable", ""), (None, "0-0"), (None, "1-0")]
    assert [event.retry for event in events] == [2000, None, 2000, 2000]
    assert '"count":1' in str(events[3].data)
    resumed = changes(ResultsReader(store, OPTIONS, clock=lambda: now), events[3].id, cast("anyio.Event", Turns()))
    unchanged = await anext(resumed)
    assert (unchanged.event, list(json.loads(str(unchanged.data)))) == ("unchanged", ["last_updated"])
    assert counts_in((await anext(resumed)).id) == "2-0"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("{tag}", 304),
        ("*", 304),
        ('"another", {tag}', 304),
        ("{strong}", 304),
        ('"another"', 200),
        ("{bare}", 200),
        ("", 200),
    ],
)
async def test_whoever_has_the_counts_is_not_sent_them_again(start: Start, sent: str, status: int) -> None:
    async with start() as api:
        first = await api.client.get("/api/results")
        tag = first.headers["etag"]
        named = sent.format(tag=tag, strong=tag.removeprefix("W/"), bare=tag.removeprefix("W/").strip('"'))
        again = await api.client.get("/api/results", headers={"If-None-Match": named})
    assert (again.status_code, again.headers["etag"], again.headers["cache-control"]) == (status, tag, "public, max-age=2")
    assert again.content == (b"" if status == 304 else first.content)


async def test_an_etag_is_of_one_list_of_options_with_one_list_of_counts() -> None:
    lists = [("cats", "dogs"), ("dogs", "cats"), ("cats", "dogs", "zebras")]
    stores = [{}, {"cats": 1}, {"dogs": 1}, {"cats": 11}]
    versions = [(await ResultsReader(MemoryStore(counts), options).latest()).version for options in lists for counts in stores]
    assert len({*versions}) == len(versions)


async def test_the_event_stream_ends_when_the_server_stops() -> None:
    stopping = anyio.Event()
    stream = changes(ResultsReader(MemoryStore(), OPTIONS), None, stopping)
    await anext(stream)
    stopping.set()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
