"""RATE_LIMIT: limit requests per client address. Redis keeps the count, so all workers and pods share it."""

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
EXEMPT_PATHS = frozenset({"/health", "/ready", "/metrics"})
"""Paths for the orchestrator. /health reports on the process alone, so it must not depend on Redis."""


class RateLimit:
    """Rejects requests over the limit with 429, and all requests with 503 while Redis is unavailable.

    The address is that of the connection or the one a trusted proxy reports: `scope["client"]` after uvicorn's ProxyHeadersMiddleware.
    """

    def __init__(self, app: ASGIApp, rate: str, redis_url: str, stream: VoteStream) -> None:
        self._app = app
        self._rate = parse(rate)
        storage = RedisStorage(
            f"async+{redis_url}".replace("async+unix:", "async+redis+unix:"),
            implementation="redispy",
            key_prefix=KEY_PREFIX,
            connection_pool=stream.pool,  # type: ignore[arg-type] # documented, but the annotation is too narrow
        )
        self._limiter = FixedWindowRateLimiter(storage)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, then pass it on or reject it."""
        if scope["type"] != "http" or scope["path"] in EXEMPT_PATHS:
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope["client"] else "unknown"
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                wait = await self._wait(address)
        except UNAVAILABLE:
            await _reject(send, 503, "Redis is unavailable", RETRY_AFTER_SECONDS)
            return
        if wait is None:
            await self._app(scope, receive, send)
        else:
            await _reject(send, 429, "Too Many Requests", wait)

    async def _wait(self, address: str) -> int | None:
        """Count a request. Return None if it is within the limit, else the seconds to wait."""
        if await self._limiter.hit(self._rate, address):
            return None
        window = await self._limiter.get_window_stats(self._rate, address)
        return max(1, math.ceil(window.reset_time - time.time()))


async def _reject(send: Send, status: int, detail: str, retry_after: int) -> None:
    await send_json(send, status, Problem(detail=detail), [(b"retry-after", b"%d" % retry_after)])
