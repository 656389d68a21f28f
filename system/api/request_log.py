"""Around every request: an id, one line in the log, its figures, and an answer when the application fails."""

import functools
import re
import time
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from system.api.body import header_values
from system.api.events import ApiEvent
from system.api.metrics import Metrics
from system.api.responses import Problem, send_json
from system.logs import logger

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "unmatched"
NO_ANSWER = 499
"""The status that is logged when the client left before the answer."""


def request_id(scope: Scope) -> bytes:
    """Give the X-Request-ID if it is sane, else a new id."""
    given = header_values(scope, b"x-request-id")
    return given[0] if len(given) == 1 and REQUEST_ID.fullmatch(given[0]) else str(uuid7()).encode()


class RequestLog:
    """Writes down each request, by the route's template and never by what the client sent."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._log = logger()
        # prometheus_client looks a series up by locking and hashing its labels anew each time: a twentieth of a vote.
        self._series = functools.cache(lambda route, status: (metrics.requests.labels(route, status), metrics.latency.labels(route)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and write down what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        identity = request_id(scope)
        status = NO_ANSWER
        seconds = 0.0

        async def send_with_id(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status = message["status"]
                seconds = time.perf_counter() - begun  # a live stream lasts for hours; its answer begins at once
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as failure:  # noqa: BLE001 - the last one to see it: logged, and answered with 500
            # Where and of what kind, without message and locals: they may repeat what the client sent.
            where = traceback.format_tb(failure.__traceback__)
            self._log.error(ApiEvent.REQUEST_FAILED, request_id=identity.decode(), error=type(failure).__name__, where=where)
            if status == NO_ANSWER:
                await send_json(send_with_id, 500, Problem(detail="Internal Server Error"))
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            requests, latency = self._series(route, status)
            requests.inc()
            latency.observe(seconds)
            self._log.info(
                ApiEvent.REQUEST,
                request_id=identity.decode(),
                method=scope["method"] if scope["method"] in METHODS else "OTHER",
                route=route,
                status=status,
                ms=round(seconds * 1000, 2),
            )
