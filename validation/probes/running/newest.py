"""The newest stream entries, ledger rows and counts, as text: what is kept of both servers when a scenario fails.

Nothing is changed. Of a managed server every database is looked at, because scenarios have systems of their own beside the target.
Of an external one only the votes of the scenario are, because the others are those of real voters.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import redis
from anyio.from_thread import start_blocking_portal
from redis.backoff import NoBackoff
from redis.retry import Retry

from validation.core import protocol
from validation.core.errors import ProbeError
from validation.probes.running.database import opened
from validation.probes.running.redis_errors import reading
from validation.probes.running.stream import order_of

SECONDS = 2.0
"""A scenario may have stopped or frozen the server: nobody waits longer for it."""
NEWEST = 20
PLACES_MAX = 8
"""How many databases of a server, and streams of a database, are looked at."""
DATABASES = "select datname from pg_database where not datistemplate and datallowconn order by oid desc limit $1"
LEDGER = "to_regclass('vote_ledger') is not null and to_regclass('votes') is not null"


@reading("the stream")
def stream_entries(url: str, stream_ids: Collection[str], *, managed: bool) -> str:
    """Return the streams of a Redis with their groups, and of each the newest entries and those with these ids.

    Raises:
        ProbeError: Redis does not answer within `SECONDS`.
    """
    found: list[str] = []
    for at in _redis_databases(url) if managed else [url]:
        with _client(at) as client:
            names = [name for name, _ in zip(client.scan_iter(_type="stream", count=1000), range(PLACES_MAX), strict=False)]
            ours = [name for name in (protocol.STREAM, f"{protocol.STREAM}:dead") if client.exists(name)]
            for name in sorted(names) if managed else ours:
                found += [f"== Redis {_name(at) or 0}, stream {name}", *_stream(client, name, stream_ids, managed=managed), ""]
    return "\n".join(found) or "no stream"


def rows(url: str, vote_ids: Collection[str], *, managed: bool) -> str:
    """Return the counts of a database, its newest ledger rows and those of these votes.

    Raises:
        ProbeError: PostgreSQL does not answer within `SECONDS`.
    """
    try:
        with start_blocking_portal() as portal:
            return portal.call(_rows, url, list(vote_ids), managed)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise ProbeError(f"Cannot read the database: {error or type(error).__name__}.", "PostgreSQL is down") from error


def _name(url: str) -> str:
    return urlsplit(url).path.strip("/")


def _client(url: str) -> Any:
    options = {"decode_responses": True, "encoding_errors": "backslashreplace", "retry": Retry(NoBackoff(), 0)}
    return redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, **options)


def _redis_databases(url: str) -> Iterator[str]:
    with _client(url) as client:
        numbers = [int(name.removeprefix("db")) for name in client.info("keyspace")]
    for number in sorted(numbers)[:PLACES_MAX]:
        yield urlsplit(url)._replace(path=f"/{number}").geturl()


def _stream(client: Any, name: str, stream_ids: Collection[str], *, managed: bool) -> Iterator[str]:
    yield f"{client.xlen(name)} entries"
    for group in client.xinfo_groups(name):
        yield f"group {json.dumps(group, default=str)}"
        yield from (f"  consumer {json.dumps(one, default=str)}" for one in client.xinfo_consumers(name, group["name"]))
    newest = dict(client.xrevrange(name, count=NEWEST)) if managed else {}
    for identifier in stream_ids:
        newest.update(client.xrange(name, min=identifier, max=identifier))
    for identifier, fields in sorted(newest.items(), key=lambda one: order_of(one[0])):
        yield f"{identifier} {json.dumps(fields, ensure_ascii=False)}"


async def _rows(url: str, vote_ids: Collection[str], managed: bool) -> str:
    found: list[str] = []
    for at in await _databases(url) if managed else [url]:
        async with opened(at, SECONDS) as connection:
            if await connection.fetchval(f"select {LEDGER}"):
                found += [f"== database {_name(at)}", *await _ledger(connection, vote_ids, managed), ""]
    return "\n".join(found) or "no table of votes"


async def _databases(url: str) -> list[str]:
    async with opened(url, SECONDS) as connection:
        names = [row["datname"] for row in await connection.fetch(DATABASES, PLACES_MAX)]
    return [urlsplit(url)._replace(path=f"/{name}").geturl() for name in names]


async def _ledger(connection: Any, vote_ids: Collection[str], managed: bool) -> list[str]:
    counts = await connection.fetch("select * from votes order by option")
    total = await connection.fetchval("select count(*) from vote_ledger")
    newest = await connection.fetch("select * from vote_ledger order by counted_at desc limit $1", NEWEST if managed else 0)
    own = await connection.fetch("select * from vote_ledger where vote_id = any($1::uuid[])", list(vote_ids))
    lines = dict.fromkeys(_line(row) for row in [*own, *newest])
    return [*map(_line, counts), f"{total} rows of vote_ledger{', of them' if lines else ''}", *lines]


def _line(row: Any) -> str:
    return json.dumps(dict(row), default=str, ensure_ascii=False)
