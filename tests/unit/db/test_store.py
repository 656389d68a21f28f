import asyncio
import contextlib
import time
import uuid

import asyncpg
import pytest

from system.db.store import REFUSED, UNAVAILABLE, LedgerRow, Store
from system.errors import SettingsInvalid
from tests.unit import servers

pytestmark = pytest.mark.anyio

FIRST, SECOND = (uuid.UUID(f"018f0000-0000-7000-8000-00000000000{digit}") for digit in (1, 2))


async def test_increment_returns_the_votes_counted_now(store: Store) -> None:
    assert await store.increment([LedgerRow(FIRST, "cats", "1-0")]) == {"1-0"}
    assert await store.increment([LedgerRow(FIRST, "cats", "2-0"), LedgerRow(SECOND, "dogs", "2-1")]) == {"2-1"}
    assert await store.results() == {"cats": 1, "dogs": 1}


async def test_without_votes_no_statement_runs() -> None:
    store = await Store.connect("postgresql://postgres@127.0.0.1:1/postgres", command_timeout=1)
    assert await store.increment([]) == set()


async def test_the_ledger_records_the_stream_id(store: Store, sql: asyncpg.Connection) -> None:
    await store.increment([LedgerRow(FIRST, "cats", "1-0")])
    [row] = await sql.fetch("select vote_id, option, stream_id from vote_ledger")
    assert tuple(row) == (FIRST, "cats", "1-0")


async def test_a_rejected_vote_rolls_back_the_whole_statement(store: Store, sql: asyncpg.Connection) -> None:
    with pytest.raises(REFUSED):
        await store.increment([LedgerRow(FIRST, "cats", "1-0"), LedgerRow(SECOND, "d\x00gs", "1-1")])
    assert await store.results() == {}
    assert await sql.fetchval("select count(*) from vote_ledger") == 0


async def test_ids_are_locked_in_sorted_order(store: Store, sql: asyncpg.Connection) -> None:
    low, middle, high = (uuid.UUID(int=number) for number in (1, 2, 3))
    counting = [LedgerRow(vote_id, "cats", f"{vote_id.int}-0") for vote_id in (high, middle, low)]
    insert = "insert into vote_ledger (vote_id, option, stream_id) values ($1, 'cats', '0-0')"
    async with sql.transaction():
        await sql.execute(insert, middle)
        waiting = asyncio.create_task(store.increment(counting))
        while not await sql.fetchval("select count(*) from pg_locks where not granted"):
            pass
        await sql.execute(insert, high)  # deadlocks if the other statement locked its first id first
    assert await waiting == {"1-0"}


async def test_a_database_that_is_down_is_unavailable_not_refused() -> None:
    store = await Store.connect("postgresql://postgres@127.0.0.1:1/postgres", command_timeout=1)
    with pytest.raises(UNAVAILABLE) as caught:
        await store.check()
    assert not isinstance(caught.value, REFUSED)


async def test_calls_to_a_frozen_database_time_out(store: Store, postgres: servers.Server) -> None:
    await store.check()
    with postgres.frozen():
        for _ in range(2):  # over the existing connection, and over a new one
            begin = time.monotonic()
            with pytest.raises(TimeoutError):
                await store.check()
            assert time.monotonic() - begin < 2
        begin = time.monotonic()
        await store.close()
        assert time.monotonic() - begin < 1


async def test_the_store_recovers_with_the_database(store: Store, sql: asyncpg.Connection) -> None:
    await store.check()
    await sql.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
    with contextlib.suppress(*UNAVAILABLE):  # the pool may or may not have noticed
        await store.check()
    await store.check()


async def test_waiting_for_a_lock_times_out(store: Store, sql: asyncpg.Connection) -> None:
    async with sql.transaction():
        await sql.execute("lock table votes")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await store.increment([LedgerRow(FIRST, "cats", "1-0")])
    assert await store.results() == {}


async def test_commits_are_on_disk_whatever_the_default_of_the_server(store: Store, sql: asyncpg.Connection) -> None:
    await sql.execute("alter role postgres set synchronous_commit = off")
    await sql.execute("alter table vote_ledger add column committed text default current_setting('synchronous_commit')")
    try:
        fresh = await Store.connect(str(store._pool._connect_args[0]), command_timeout=1)
        await fresh.increment([LedgerRow(FIRST, "cats", "1-0")])
        assert [row["committed"] for row in await sql.fetch("select committed from vote_ledger")] == ["on"]
        await fresh.close()
    finally:
        await sql.execute("alter table vote_ledger drop column committed")
        await sql.execute("alter role postgres reset synchronous_commit")


async def test_an_invalid_url_is_reported_without_its_password() -> None:
    store = await Store.connect("postgresql://u:hid#den@127.0.0.1/x", command_timeout=1)
    with pytest.raises(SettingsInvalid, match=r"^DATABASE_URL: ") as caught:
        await store.check()
    assert "hid" not in str(caught.value)
