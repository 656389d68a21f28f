"""RATE_LIMIT: how many requests an address may make, counted in Redis so that all workers and pods share the count."""

import asyncio
import math
import time

from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from system.api.responses import RETRY_AFTER_SECONDS, Problem, send_json
from system.api.stream import UNAVAILABLE, VoteStream

DEADLINE_SECONDS = 0.9
KEY_PREFIX = "votes:limit"
UNLIMITED = frozenset({"/health", "/ready", "/metrics"})
"""What the orchestrator asks. /health speaks of the process only, so it must not depend on Redis."""


class RateLimit:
    """Refuses what is beyond the limit with 429, and everything with 503 while it cannot count.

    The address is the connection's, or what a trusted proxy says it is: `scope["client"]` after uvicorn's ProxyHeadersMiddleware.
    """

    def __init__(self, app: ASGIApp, rate: str, redis_url: str, stream: VoteStream) -> None:
        self._app = app
        self._rate = parse(rate)
        storage = RedisStorage(
            f"async+{redis_url}".replace("async+unix:", "async+redis+unix:"),
            implementation="redispy",
            key_prefix=KEY_PREFIX,
            connection_pool=stream.pool,  # type: ignore[arg-type] # documented so; its annotation is too narrow
        )
        self._limiter = FixedWindowRateLimiter(storage)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, then pass it on or refuse it."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope["client"] else "unknown"
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                wait = await self._wait(address)
        except UNAVAILABLE:
            await _refuse(send, 503, "Redis is not available", RETRY_AFTER_SECONDS)
            return
        if wait is None:
            await self._app(scope, receive, send)
        else:
            await _refuse(send, 429, "Too Many Requests", wait)

    async def _wait(self, address: str) -> int | None:
        """Count a request; give the seconds to wait if it is one too many."""
        if await self._limiter.hit(self._rate, address):
            return None
        window = await self._limiter.get_window_stats(self._rate, address)
        return max(1, math.ceil(window.reset_time - time.time()))


async def _refuse(send: Send, status: int, detail: str, retry_after: int) -> None:
    await send_json(send, status, Problem(detail=detail), [(b"retry-after", b"%d" % retry_after)])
