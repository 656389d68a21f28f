import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import redis
from starlette.types import ASGIApp

from system.api.app import create_app
from system.api.stream import VoteStream
from system.contract import STREAM
from system.db.store import CountedVote
from system.settings import ApiSettings
from tests.unit.servers import valkey

IDEMPOTENCY_TTL = 60


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_redis_url() -> Iterator[str]:
    with valkey() as server:
        yield server.url


@pytest.fixture
def redis_url(shared_redis_url: str) -> str:
    """Empty the session's Redis server and return its URL."""
    with redis.Redis.from_url(shared_redis_url) as client:
        for key in client.scan_iter():
            client.delete(key)
    return shared_redis_url


@dataclass
class MemoryStore:
    """Counts in memory; if set, `failure` is raised instead."""

    counts: dict[str, int] = field(default_factory=dict)
    ledger: dict[str, CountedVote] = field(default_factory=dict)
    failure: Exception | None = None
    reads: int = 0
    closed: bool = False

    async def results(self) -> dict[str, int]:
        self.reads += 1
        await self.check()
        return dict(self.counts)

    async def counted(self, vote_ids: Sequence[str]) -> dict[str, CountedVote]:
        self.reads += 1
        await self.check()
        return {vote_id: self.ledger[vote_id] for vote_id in vote_ids if vote_id in self.ledger}

    async def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        self.closed = True


@dataclass
class Running:
    client: httpx.AsyncClient
    app: ASGIApp
    store: MemoryStore
    redis: "redis.Redis"

    async def vote(self, body: Any = b'{"option": "cats"}', **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/api/vote", content=body, headers={"Content-Type": "application/json"} | named)

    def entries(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return self.redis.xrange(STREAM)


Start = Callable[..., contextlib.AbstractAsyncContextManager[Running]]


@contextlib.asynccontextmanager
async def running(redis_url: str, **variables: Any) -> AsyncIterator[Running]:
    """Run the application in this process without a server."""
    settings = ApiSettings(redis_url=redis_url, idempotency_ttl=IDEMPOTENCY_TTL, **variables)
    stream, store = VoteStream.at(redis_url, IDEMPOTENCY_TTL), MemoryStore()
    app = create_app(settings, stream, store)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://votes.test") as client:
        with redis.Redis.from_url(redis_url) as observer:
            yield Running(client, app, store, observer)
    await stream.close()


@pytest.fixture
def start(redis_url: str) -> Start:
    def start_with(**variables: Any) -> contextlib.AbstractAsyncContextManager[Running]:
        return running(redis_url, **variables)

    return start_with
