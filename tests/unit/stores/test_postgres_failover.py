"""A PostgreSQL that cannot do the work now: its connections are dropped, and the next statement goes where the name leads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from redis.asyncio import Redis

from system.consumer.loop import Consumer
from system.db.store import UNAVAILABLE, DatabaseUnfit, LedgerRow, Store
from tests.unit.servers import Server
from validation.faults.proxy.proxy import FaultProxy

from .conftest import a_vote, add, address, database_url
from .test_settings_in_force import set_in_server

pytestmark = pytest.mark.anyio

CODES = ("25006", "57P01", "57P02", "57P03", "57P04", "57P05", "25001", "25P01", "25P02", "25P03", "25P04", "08000", "08006", "08P01")


def votes(number: int) -> list[LedgerRow]:
    return [LedgerRow(a_vote().vote_id, "cats", f"{number}-0")]


@asynccontextmanager
async def refusing(server: Server, code: str) -> AsyncIterator[None]:
    """Refuse every row of the ledger with an SQLSTATE."""
    sql = await asyncpg.connect(server.url)
    await sql.execute(f"""
        create function refuse() returns trigger language plpgsql as $$ begin
          raise exception 'refused' using errcode = '{code}';
        end $$""")
    await sql.execute("create trigger refuse before insert on vote_ledger execute function refuse()")
    try:
        yield
    finally:
        await sql.execute("drop trigger refuse on vote_ledger; drop function refuse")
        await sql.close()


@pytest.mark.parametrize("code", CODES)
async def test_after_a_refusal_the_next_statement_goes_over_a_new_connection(
    postgres_name: FaultProxy, postgres: Server, code: str
) -> None:
    store = await Store.connect(database_url(postgres_name), command_timeout=5)
    await store.increment(votes(1))
    opened = postgres_name.counters.connections
    async with refusing(postgres, code):
        with pytest.raises(UNAVAILABLE):
            await store.increment(votes(2))
    await store.increment(votes(3))
    assert postgres_name.counters.connections == opened + 1
    assert await store.results() == {"cats": 2}
    await store.close()


@pytest.mark.parametrize("code", ["22003", "40001", "40P01", "55P03", "P0001"])
async def test_other_refusals_keep_the_connection(postgres_name: FaultProxy, postgres: Server, code: str) -> None:
    store = await Store.connect(database_url(postgres_name), command_timeout=5)
    await store.check()
    opened = postgres_name.counters.connections
    async with refusing(postgres, code):
        with pytest.raises(asyncpg.PostgresError):
            await store.increment(votes(2))
    await store.increment(votes(3))
    assert postgres_name.counters.connections == opened
    await store.close()


async def test_the_store_follows_the_name_to_the_new_primary(postgres_name: FaultProxy, postgres: Server, other_postgres: Server) -> None:
    store = await Store.connect(database_url(postgres_name), command_timeout=5)
    await store.increment(votes(1))
    await set_in_server(postgres, "default_transaction_read_only", "on")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await store.increment(votes(2))
    with pytest.raises(DatabaseUnfit, match="PostgreSQL: transaction_read_only is on"):
        await store.check()
    assert await store.results() == {"cats": 1}  # reading needs no write
    postgres_name.upstream = address(other_postgres.url)
    assert await store.results() == {}
    await store.check()
    assert len(await store.increment(votes(3))) == 1
    await store.close()


async def test_the_first_host_that_can_be_written_to_is_used(postgres: Server, other_postgres: Server) -> None:
    (host, first), (_, second) = address(postgres.url), address(other_postgres.url)
    await set_in_server(postgres, "default_transaction_read_only", "on")
    store = await Store.connect(f"postgresql://postgres@{host}:{first},{host}:{second}/postgres", command_timeout=5)
    await store.check()
    assert len(await store.increment(votes(1))) == 1
    await store.close()


async def test_the_consumer_follows_the_name_to_the_new_primary(
    postgres_name: FaultProxy, postgres: Server, other_postgres: Server, consumer: Consumer, observer: Redis
) -> None:
    await add(observer)
    await consumer.run_once()
    await set_in_server(postgres, "default_transaction_read_only", "on")
    await add(observer)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await consumer.run_once()
    postgres_name.upstream = address(other_postgres.url)
    before = (await consumer._store.results()).get("cats", 0)
    await consumer.run_once()
    assert await consumer._store.results() == {"cats": before + 1}
