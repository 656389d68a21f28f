"""What several folders of unit tests want: a database of our own, and the event loop of asyncio."""

import asyncio
from collections.abc import Iterator

import pytest

from system.db.migrate import migrate
from tests.unit import servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Server]:
    """Give a database with our tables; who fills them empties them first."""
    with servers.postgres() as server:
        asyncio.run(migrate(server.url))
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
