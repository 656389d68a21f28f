"""RATE_LIMIT: limit requests per client address. Redis keeps the count, so all workers and pods share it, and never learns the address."""

import asyncio
import functools
import hashlib
import ipaddress
import math
import time
from collections.abc import Iterable, Sequence

from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from system.api.responses import send_problem, unavailable
from system.api.stream import UNAVAILABLE, VoteStream
from system.errors import CONNECTION_GONE, summary
from system.logs import Event, logger
from system.settings import ApiSettings

DEADLINE_SECONDS = 0.9
KEY_PREFIX = "votes:limit"
EXEMPT_PATHS = frozenset({"/health", "/ready", "/metrics"})
"""Paths for the orchestrator. /health reports on the process alone, so it must not depend on Redis."""
PAGE = "/"
"""The path that a browser shows to a voter. Its route answers a rejected request itself, with a page."""
REJECTION = "rejection"
"""Where the scope of a rejected request for the page holds the HTTPException to answer with."""


def client_of(address: str, ipv6_prefix: int) -> str:
    """Return what counts as one client: an IPv4 address, or an IPv6 prefix, because a client chooses freely among its addresses."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])  # without the zone
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, ipv6_prefix), strict=False))


def with_mapped(networks: Iterable[str]) -> list[str]:
    """Return the networks, and each of IPv4 also as IPv6 writes it: a socket for both families reports IPv4 peers like that."""
    parsed = [ipaddress.ip_network(network) for network in networks]
    return [str(one) for one in parsed] + [f"::ffff:{one.network_address}/{96 + one.prefixlen}" for one in parsed if one.version == 4]  # noqa: PLR2004 - IPv4


def pseudonym(address: str, secret: bytes, ipv6_prefix: int) -> str:
    """Return the name under which Redis counts a client: without the secret nobody can tell its address.

    Redis writes the count of a client and its vote to one file, one after the other. All pods of a release share the secret.
    """
    return hashlib.blake2b(client_of(address, ipv6_prefix).encode(), key=hashlib.sha256(secret).digest(), digest_size=16).hexdigest()


class RateLimit:
    """Rejects requests over the limit with 429, and all requests with 503 while Redis is unavailable.

    The address is that of the connection or the one a trusted proxy reports: `scope["client"]` after uvicorn's ProxyHeadersMiddleware.
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings, stream: VoteStream, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = routes
        secret, prefix = f"{settings.redis_url} {settings.database_url}".encode(), settings.rate_limit_ipv6_prefix
        self._client = functools.lru_cache(maxsize=4096)(functools.partial(pseudonym, secret=secret, ipv6_prefix=prefix))
        self._rate = parse(settings.rate_limit)
        storage = RedisStorage(
            "async+redis://",  # the pool connects; a URL would be read a second time
            implementation="redispy",
            key_prefix=KEY_PREFIX,
            connection_pool=stream.pool,  # type: ignore[arg-type] # documented, but the annotation is too narrow
        )
        self._limiter = FixedWindowRateLimiter(storage)
        self._log = logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, then pass it on or reject it."""
        if scope["type"] != "http" or scope["path"] in EXEMPT_PATHS:
            await self._app(scope, receive, send)
            return
        client = self._client(scope["client"][0]) if scope["client"] else "unknown"
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                wait = await self._wait(client)
        except (*UNAVAILABLE, CONNECTION_GONE) as failure:
            self._log.warning(Event.REDIS_UNAVAILABLE, error=summary(failure))
            await self._reject(scope, receive, send, unavailable("Redis"))
            return
        if wait is None:
            await self._app(scope, receive, send)
        else:
            await self._reject(scope, receive, send, HTTPException(429, "Too Many Requests", {"Retry-After": str(wait)}))

    async def _wait(self, client: str) -> int | None:
        """Count a request. Return None if it is within the limit, else the seconds to wait."""
        if await self._limiter.hit(self._rate, client):
            return None
        window = await self._limiter.get_window_stats(self._rate, client)
        return max(1, math.ceil(window.reset_time - time.time()))

    async def _reject(self, scope: Scope, receive: Receive, send: Send, rejection: HTTPException) -> None:
        for route in self._routes:
            match = route.matches(scope)[0]
            if match is Match.FULL and route.path == PAGE:
                scope[REJECTION] = rejection
                await self._app(scope, receive, send)
                return
            if match is not Match.NONE:
                scope["route"] = route  # the router would have set it, and log and metrics count by it
                break
        await send_problem(send, rejection)
