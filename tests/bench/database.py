"""Fills and queries PostgreSQL for the benchmark."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import asyncpg

from tests.bench.parts import Wrong

CALLS = 200
GONE_SECONDS = 10.0

# Inserts votes into both tables in one statement. Their ids are random, like those of votes with a key: an index of ordered ids would
# be smaller and cheaper to extend.
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
# The server's own count of table reads. A connection reports its share at the latest when it is closed.
READS = "select seq_scan + coalesce(idx_scan, 0) from pg_stat_user_tables where relname = 'votes'"
OTHERS = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"  # generic only in the stubs
Answer = TypeVar("Answer")


def connected(url: str, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Return the result of `work` on a separate connection."""

    async def connect() -> Answer:
        connection = await asyncpg.connect(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(connect())


def create(server_url: str, name: str) -> str:
    """Create an empty database on the same server and return its URL."""
    connected(server_url, lambda connection: connection.execute(f"create database {name}"))
    return f"{server_url.rpartition('/')[0]}/{name}"


def fill(url: str, votes: int) -> None:
    """Fill ledger and counts, and finish the server's maintenance work before a measurement."""

    async def work(connection: Connection) -> None:
        await connection.execute(FILL, votes)
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")

    connected(url, work)


def total(url: str) -> int:
    """Return the number of counted votes."""
    return int(connected(url, lambda connection: connection.fetchval(TOTAL)))


def results_ms(url: str) -> float:
    """Return the median time of a `get_vote_results` call in milliseconds."""

    async def work(connection: Connection) -> float:
        took = []
        for _ in range(CALLS):
            began = time.perf_counter()
            await connection.fetch(RESULTS)
            took.append(time.perf_counter() - began)
        return 1000 * statistics.median(took)

    return connected(url, work)


def reads(url: str) -> int:
    """Return how often the counts were ever read, after all other connections have closed."""

    async def work(connection: Connection) -> int:
        end = time.monotonic() + GONE_SECONDS
        while await connection.fetchval(OTHERS):
            if time.monotonic() > end:
                raise Wrong("Cannot count the reads: another connection to the database stays open.")
            await asyncio.sleep(0.05)
        return int(await connection.fetchval(READS))

    return connected(url, work)
