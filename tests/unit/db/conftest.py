from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from system.db.store import Store
from tests.unit import servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Server]:
    with servers.migrated_postgres() as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def sql(postgres: servers.Server) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("truncate votes, vote_ledger")
    yield connection
    await connection.close()


@pytest.fixture
async def store(postgres: servers.Server, sql: asyncpg.Connection) -> AsyncIterator[Store]:  # noqa: ARG001 - sql empties the tables
    opened = await Store.connect(postgres.url, command_timeout=1)
    yield opened
    await opened.close()
