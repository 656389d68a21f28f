"""Connections to PostgreSQL depend on their URL alone."""

import asyncio
import warnings
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.unit.hostile import DATABASES
from tests.unit.servers import postgres
from validation.core.environment import built
from validation.probes.running.database import connect

SECONDS = 10.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as server:
        yield server.url


async def answer(url: str) -> int | str:
    """Return what the server answers, or why it does not."""
    try:
        session = await connect(url, SECONDS, SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, UserWarning) as error:
        return str(error)
    try:
        return int(await session.fetchval("select 1"))
    finally:
        await session.close(timeout=SECONDS)


@pytest.mark.parametrize("name", ["PGSSLMODE", "PGPASSFILE", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSSLROOTCERT"])
def test_no_variable_of_libpq_changes_a_connection(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, DATABASES[name])
    assert asyncio.run(answer(url)) == 1


def test_no_file_in_the_home_changes_a_connection(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "postgresql.crt").write_text("not a certificate")
    (tmp_path / ".pgpass").write_text("*:*:*:*:wrong\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asyncio.run(answer(url)) == 1


def test_a_url_may_ask_for_tls(url: str) -> None:
    assert "rejected SSL upgrade" in str(asyncio.run(answer(f"{url}?sslmode=require")))


def test_children_see_no_variable_of_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DATABASES.items():
        monkeypatch.setenv(name, value)
    assert not built().keys() & DATABASES.keys()
