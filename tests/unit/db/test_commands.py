import os
import subprocess
import sys
import uuid

import asyncpg
import pytest

from system.db.migrate import LOCK
from system.db.store import LedgerRow, Store
from tests.unit import servers

pytestmark = pytest.mark.anyio


def begin(module: str, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"system.db.{module}"]
    return subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors


async def database(sql: asyncpg.Connection, server: servers.Server) -> str:
    """Create an empty database and return its URL."""
    name = f"empty_{uuid.uuid4().hex}"
    await sql.execute(f"create database {name}")
    return server.url.removesuffix("postgres") + name


async def test_concurrent_and_repeated_migrations_create_one_schema(sql: asyncpg.Connection, postgres: servers.Server) -> None:
    url = await database(sql, postgres)
    for process in [begin("migrate", url) for _ in range(3)]:
        assert ended(process) == (0, "migrate: the schema is at version 0001\n", "")
    assert ended(begin("migrate", url + "?sslmode=prefer"))[0] == 0
    store = await Store.connect(url, command_timeout=1)
    assert await store.results() == {}
    await store.close()


async def test_a_migration_waits_for_another(sql: asyncpg.Connection, postgres: servers.Server) -> None:
    url = await database(sql, postgres)
    other = await asyncpg.connect(url)
    async with other.transaction():
        await other.execute("select pg_advisory_xact_lock($1)", LOCK)
        process = begin("migrate", url)
        while not await other.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
            assert process.poll() is None, "it did not wait"
        assert await other.fetchval("select to_regclass('votes')") is None
    assert ended(process)[0] == 0
    await other.close()


async def test_an_older_program_leaves_a_newer_schema_alone(sql: asyncpg.Connection, postgres: servers.Server) -> None:
    url = await database(sql, postgres)
    assert ended(begin("migrate", url))[0] == 0
    newer = await asyncpg.connect(url)
    await newer.execute("update alembic_version set version_num = '9999'")
    says = "migrate: the schema is at version 9999, which is newer than this program's 0001: nothing to do\n"
    assert ended(begin("migrate", url)) == (0, says, "")
    assert await newer.fetchval("select version_num from alembic_version") == "9999"
    await newer.close()


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("postgresql://u:hidden@127.0.0.1:1/x", 1, "Connect call failed"),
        ("postgresql://u:hidden@name.invalid/x", 1, "not known"),
        ("mysql://u:hidden@127.0.0.1/x", 2, "must look like"),
        ("postgresql://u:hid#den@127.0.0.1/x", 2, "percent-encode special characters"),
    ],
)
def test_a_failed_migration_prints_one_line(url: str, code: int, says: str) -> None:
    returned, output, errors = ended(begin("migrate", url))
    assert (returned, output) == (code, "")
    [line] = errors.splitlines()
    assert line.startswith("migrate: DATABASE_URL: ")
    assert says in line
    assert "hid" not in line


async def test_counts_that_match_the_ledger_are_not_changed(store: Store, postgres: servers.Server) -> None:
    await store.increment([LedgerRow(uuid.uuid4(), "cats", "1-0")])
    assert ended(begin("reconcile", postgres.url)) == (0, "reconcile: the counts match the ledger\n", "")


async def test_counts_are_rebuilt_from_the_ledger(store: Store, sql: asyncpg.Connection, postgres: servers.Server) -> None:
    await store.increment([LedgerRow(uuid.uuid4(), option, f"1-{n}") for n, option in enumerate(("cats", "cats", "dogs"))])
    await sql.execute("update votes set count = 7 where option = 'cats'")
    await sql.execute("delete from votes where option = 'dogs'")
    await sql.execute("insert into votes (option, count) values ('fish', 3)")
    code, output, errors = ended(begin("reconcile", postgres.url))
    assert (code, errors) == (1, "")
    assert output.splitlines() == [
        "reconcile: cats: repaired, count was 7 but the ledger has 2",
        "reconcile: dogs: repaired, count was 0 but the ledger has 1",
        "reconcile: fish: repaired, count was 3 but the ledger has 0",
    ]
    assert await store.results() == {"cats": 2, "dogs": 1, "fish": 0}
    assert ended(begin("reconcile", postgres.url))[0] == 0


def test_a_failed_reconciliation_prints_one_line() -> None:
    code, output, errors = ended(begin("reconcile", "postgresql://u:hidden@127.0.0.1:1/x"))
    assert (code, output, len(errors.splitlines())) == (2, "", 1)
