"""Wraps every request: assign an id, log one line, update metrics, and send a 500 if the application fails."""

import functools
import logging
import re
import time
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from system.api.body import header_values
from system.api.events import ApiEvent
from system.api.metrics import Metrics
from system.logs import logger

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "unmatched"
FIRST_FAILURE = 500
"""From this status on the log names the vote: its voter does not know what became of it."""
NO_RESPONSE = 499
"""The status logged when the client disconnected before the response."""


def request_id(scope: Scope) -> bytes:
    """Return the X-Request-ID header if it is valid, else a new id."""
    given = header_values(scope, b"x-request-id")
    return given[0] if len(given) == 1 and REQUEST_ID.fullmatch(given[0]) else str(uuid7()).encode()


class RequestLog:
    """Logs and counts each request by its route template, never by client input."""

    def __init__(self, app: ASGIApp, metrics: Metrics, failed: ASGIApp) -> None:
        self._app = app
        self._failed = failed
        self._log = logger()
        # prometheus_client locks and hashes the labels on every lookup, which takes a twentieth of the time of a vote.
        self._series = functools.cache(lambda route, status: (metrics.requests.labels(route, status), metrics.latency.labels(route)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, then log and count the outcome."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        identity = request_id(scope)
        status = NO_RESPONSE
        seconds = 0.0

        async def send_with_id(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status = message["status"]
                seconds = time.perf_counter() - started  # until the response starts: an event stream may stay open for hours
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as failure:  # noqa: BLE001 - outermost handler: logs the failure and responds with 500
            # Log the location and type, but neither message nor locals: they may contain client input.
            where = traceback.format_tb(failure.__traceback__)
            named = {"request_id": identity.decode(), **_vote(scope)}
            self._log.error(ApiEvent.REQUEST_FAILED, **named, error=type(failure).__name__, where=where)
            if status == NO_RESPONSE:
                await self._failed(scope, receive, send_with_id)
        finally:
            if status == NO_RESPONSE:
                status = scope.get("refused", status)  # by the server, because the request took too long
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            requests, latency = self._series(route, status)
            requests.inc()
            latency.observe(seconds)
            named = _vote(scope) if status >= FIRST_FAILURE or self._log.is_enabled_for(logging.DEBUG) else {}
            self._log.info(
                ApiEvent.REQUEST,
                request_id=identity.decode(),
                **named,
                method=scope["method"] if scope["method"] in METHODS else "OTHER",
                route=route,
                status=status,
                ms=round(seconds * 1000, 2),
            )


def _vote(scope: Scope) -> dict[str, str]:
    """Return what names the vote of a request; nothing if it had none, or was refused before it got an id."""
    return {"vote_id": scope["vote_id"]} if "vote_id" in scope else {}
