"""PostgreSQL as the benchmark fills it and asks it."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import asyncpg

from tests.bench.parts import Wrong

CALLS = 200
GONE_SECONDS = 10.0

# As many votes as asked for, in one statement, in both tables. Their ids are random, as those of votes with a key are:
# a tree of ids that came in order would be smaller and cheaper to go on with.
FILL = """
  with counted as (
    insert into vote_ledger (vote_id, option, stream_id)
    select gen_random_uuid(), (array['cats', 'dogs'])[1 + number % 2], (1764000000000 + number) || '-0'
    from generate_series(1, $1::bigint) as number
    returning option
  )
  insert into votes (option, count) select option, count(*) from counted group by option
"""
TOTAL = "select coalesce(sum(count), 0)::bigint from get_vote_results()"
RESULTS = "select option, count from get_vote_results()"
# The server's own count of how often the table was read. A connection has told its part when it ended, at the latest.
READS = "select seq_scan + coalesce(idx_scan, 0) from pg_stat_user_tables where relname = 'votes'"
OTHERS = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"  # the stubs know more of it than the class does
Answer = TypeVar("Answer")


def connected(url: str, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Do something with a connection of its own."""

    async def connect() -> Answer:
        connection = await asyncpg.connect(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(connect())


def create(server_url: str, name: str) -> str:
    """Make an empty database beside the one of the URL, and give the new one's URL."""
    connected(server_url, lambda connection: connection.execute(f"create database {name}"))
    return f"{server_url.rpartition('/')[0]}/{name}"


def fill(url: str, votes: int) -> None:
    """Put votes into ledger and counts, and leave the server no work to do during a measurement."""

    async def work(connection: Connection) -> None:
        await connection.execute(FILL, votes)
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")

    connected(url, work)


def total(url: str) -> int:
    """Give the number of votes that are counted."""
    return int(connected(url, lambda connection: connection.fetchval(TOTAL)))


def results_ms(url: str) -> float:
    """Give the median time of a call of `get_vote_results`, in milliseconds."""

    async def work(connection: Connection) -> float:
        took = []
        for _ in range(CALLS):
            begun = time.perf_counter()
            await connection.fetch(RESULTS)
            took.append(time.perf_counter() - begun)
        return 1000 * statistics.median(took)

    return connected(url, work)


def reads(url: str) -> int:
    """Give how often the counts were ever read, once nobody else is connected."""

    async def work(connection: Connection) -> int:
        end = time.monotonic() + GONE_SECONDS
        while await connection.fetchval(OTHERS):
            if time.monotonic() > end:
                raise Wrong("somebody stays connected to the database, and its count of reads is not whole")
            await asyncio.sleep(0.05)
        return int(await connection.fetchval(READS))

    return connected(url, work)
