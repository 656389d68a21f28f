"""A probe asks each time: it never answers from memory, and it never rounds what it read."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import asyncpg
import pytest
import redis
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.unit.servers import postgres, valkey
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe

STREAM, GROUP = "votes", "counters"
BIG = 2**62 + 1  # a float would round it
VOTE = "00000000-0000-0000-0000-00000000000{}"
SCHEMA = """
create table votes (option text primary key, count bigint not null);
create table vote_ledger (vote_id uuid primary key, option text not null)
"""


class Counting(BaseHTTPRequestHandler):
    """Answers each request with the number of requests so far."""

    asked = 0

    def do_GET(self) -> None:
        Counting.asked += 1
        body = f'{{"count": {BIG + Counting.asked}}}'.encode()
        self.send_response(200 if Counting.asked % 2 else 503)
        self.send_header("X-Count", str(Counting.asked))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the server looks for

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture
def http() -> Iterator[HttpProbe]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    Counting.asked = 0
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield HttpProbe(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_request_is_sent(http: HttpProbe) -> None:
    first, second = http.send("GET", "/api/results"), http.send("GET", "/api/results")
    assert [one.headers["x-count"] for one in (first, second)] == ["1", "2"]
    assert [one.status for one in (first, second)] == [200, 503]
    assert [one.json()["count"] for one in (first, second)] == [BIG + 1, BIG + 2]
    assert [http.vote("cats", "key").headers["x-count"] for _ in range(2)] == ["3", "4"]


def test_each_question_for_readiness_is_asked(http: HttpProbe) -> None:
    assert [http.answers("/ready") for _ in range(3)] == [True, False, True]


def test_each_raw_request_is_sent(http: HttpProbe) -> None:
    head = b"GET / HTTP/1.0\r\n\r\n"
    assert [http.raw(head).headers["x-count"] for _ in range(2)] == ["1", "2"]


@pytest.fixture(scope="module")
def stream_url() -> Iterator[str]:
    with valkey() as server:
        yield server.url


def test_each_look_at_the_stream_is_a_new_one(stream_url: str) -> None:
    client = redis.Redis.from_url(stream_url, decode_responses=True)
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    probe = StreamProbe(stream_url)
    lengths, ids, lags, keys = [], [], [], []
    for _ in range(2):
        ids.append(str(client.xadd(STREAM, {"option": "cats"})))
        lengths.append(probe.length(STREAM))
        keys.append(probe.last_id(STREAM))
        group = probe.group(STREAM, GROUP)
        assert group is not None
        lags.append(group.lag)
    assert lengths == [1, 2]
    assert keys == ids
    assert lags == [1, 2]
    client.close()


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with postgres() as server:
        yield server.url


async def execute(url: str, statement: str, *values: object) -> None:
    session = await asyncpg.connect(url)
    try:
        await session.execute(statement, *values)
    finally:
        await session.close()


def test_each_look_at_the_database_is_a_new_one(database_url: str, portal: BlockingPortal) -> None:
    asyncio.run(execute(database_url, f"drop table if exists votes, vote_ledger; {SCHEMA}"))
    asyncio.run(execute(database_url, "insert into votes values ('cats', $1)", BIG))
    probe = StoreProbe(database_url, portal)
    counts, ledgers, wholes, totals, numbers = [], [], [], [], []
    for number in (1, 2):
        asyncio.run(execute(database_url, "insert into vote_ledger values ($1, 'cats')", VOTE.format(number)))
        counts.append(probe.counts()["cats"])
        ledgers.append(len(probe.ledger([VOTE.format(1), VOTE.format(2)])))
        wholes.append(len(probe.whole_ledger()))
        totals.append(probe.ledger_totals()["cats"])
        numbers.append(probe.ask("select count(*) from vote_ledger"))
        asyncio.run(execute(database_url, "update votes set count = count + 1"))
    assert counts == [BIG, BIG + 1]
    assert (ledgers, wholes, totals, numbers) == ([1, 2], [1, 2], [1, 2], [1, 2])
