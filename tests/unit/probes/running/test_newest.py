"""What is kept of both servers when a scenario fails; against a real Valkey and PostgreSQL."""

import asyncio
import time
from collections.abc import Iterator

import asyncpg
import pytest
import redis

from tests.unit.servers import Server, migrated_postgres, valkey
from validation.core.errors import ProbeError
from validation.probes.running import newest

OURS, THEIRS = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))


@pytest.fixture(scope="module")
def cache() -> Iterator[Server]:
    with valkey() as server:
        yield server


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with migrated_postgres() as server:
        asyncio.run(_fill(server.url))
        yield server


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("insert into votes (option, count) values ('cats', 31)")
    for vote_id in (OURS, THEIRS):
        await connection.execute("insert into vote_ledger values ($1, 'cats', '1-1', now() - interval '1 day')", vote_id)
    await connection.execute("insert into vote_ledger select gen_random_uuid(), 'dogs', n || '-1' from generate_series(1, 29) as n")
    await connection.close()


@pytest.fixture
def stream(cache: Server) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(cache.url, decode_responses=True) as client:
        client.flushall()
        client.xadd("votes", {"option": "ours"}, id="1-1")
        for number in range(2, newest.NEWEST + 5):
            client.xadd("votes", {"option": f"of {number}"}, id=f"{number}-1")
        client.xgroup_create("votes", "vote-processors", "0")
        client.xreadgroup("vote-processors", "reader-1", {"votes": ">"}, count=2)
        yield client


@pytest.mark.usefixtures("stream")
def test_of_a_managed_redis_the_newest_entries_and_those_of_the_scenario_are_kept(cache: Server) -> None:
    told = newest.stream_entries(cache.url, {"1-1"}, managed=True).splitlines()
    assert told[:2] == ["== Redis 0, stream votes", f"{newest.NEWEST + 4} entries"]
    assert '"name": "vote-processors"' in told[2]
    assert '"pending": 2' in told[2]
    assert '"name": "reader-1"' in told[3]
    assert told[4] == '1-1 {"option": "ours"}', "although it is not among the newest"
    assert told[5:] == [f'{number}-1 {{"option": "of {number}"}}' for number in range(5, newest.NEWEST + 5)]


@pytest.mark.usefixtures("stream")
def test_streams_of_every_database_of_a_managed_redis_are_kept(cache: Server) -> None:
    with redis.Redis.from_url(cache.url, db=5) as other:
        other.xadd("poll", {"option": b"\xff"}, id="9-1")
    told = newest.stream_entries(cache.url, (), managed=True)
    assert '== Redis 5, stream poll\n1 entries\n9-1 {"option": "\\\\xff"}' in told


def test_of_an_external_redis_only_entries_of_the_scenario_are_kept(stream: "redis.Redis", cache: Server) -> None:
    stream.xadd("private", {"a": "b"})
    told = newest.stream_entries(cache.url, {"3-1"}, managed=False)
    assert [line for line in told.splitlines() if "option" in line] == ['3-1 {"option": "of 3"}']
    assert "private" not in told


def test_nothing_of_redis_is_changed(stream: "redis.Redis", cache: Server) -> None:
    before = (stream.xinfo_stream("votes"), stream.xpending("votes", "vote-processors"), sorted(stream.keys()))
    newest.stream_entries(cache.url, {"1-1"}, managed=True)
    assert (stream.xinfo_stream("votes"), stream.xpending("votes", "vote-processors"), sorted(stream.keys())) == before


def test_of_a_managed_database_the_newest_rows_and_those_of_the_scenario_are_kept(database: Server) -> None:
    told = newest.rows(database.url, {OURS}, managed=True).splitlines()
    assert told[0] == "== database postgres"
    assert '"option": "cats", "count": 31' in told[1]
    assert "31 rows of vote_ledger, of them" in told
    rows = told[told.index("31 rows of vote_ledger, of them") + 1 :]
    assert OURS in rows[0], "although it is not among the newest"
    assert (len(rows), sum("dogs" in row for row in rows)) == (newest.NEWEST + 1, newest.NEWEST)


def test_of_an_external_database_only_rows_of_the_scenario_are_kept(database: Server) -> None:
    told = newest.rows(database.url, {OURS}, managed=False)
    assert (told.count("vote_id"), OURS in told) == (1, True)


def test_a_database_without_the_tables_is_said(database: Server) -> None:
    assert newest.rows(f"{database.url.removesuffix('postgres')}template1", (), managed=False) == "no table of votes"


@pytest.mark.parametrize("what", ["stream_entries", "rows"])
def test_a_server_that_hangs_is_given_up_soon(cache: Server, database: Server, what: str) -> None:
    server = cache if what == "stream_entries" else database
    begun = time.monotonic()
    with server.frozen(), pytest.raises(ProbeError, match="Cannot read the"):
        getattr(newest, what)(server.url, (), managed=True)
    assert time.monotonic() - begun < 3 * newest.SECONDS


@pytest.mark.parametrize(("what", "url"), [("stream_entries", "redis://127.0.0.1:1/0"), ("rows", "postgresql://u@127.0.0.1:1/x")])
def test_a_server_that_is_gone_is_said(what: str, url: str) -> None:
    with pytest.raises(ProbeError, match="Cannot read the"):
        getattr(newest, what)(url, (), managed=True)
