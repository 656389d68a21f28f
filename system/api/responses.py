"""JSON responses without a framework, and the shape that all errors share."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict

RETRY_AFTER_SECONDS = 1

Documented = dict[int | str, dict[str, Any]]
_json = msgspec.json.Encoder()

RawHeaders = Iterable[tuple[bytes, bytes]]


class Problem(TypedDict):
    """The body of an error response. The text is fixed: it never echoes what the client sent."""

    detail: str


def problems(described: Mapping[int, str]) -> Documented:
    """Return a route's error responses for the OpenAPI document, from status and cause."""
    return {status: {"model": Problem, "description": when} for status, when in described.items()}


def unavailable(what: str) -> HTTPException:
    """Return the 503 error for a dependency that does not respond."""
    return HTTPException(503, f"{what} is unavailable", {"Retry-After": str(RETRY_AFTER_SECONDS)})


async def send_json(send: Send, status: int, body: Mapping[str, object], headers: RawHeaders = ()) -> None:
    """Send a complete JSON response."""
    await send_bytes(send, status, _json.encode(body), headers)


async def send_bytes(send: Send, status: int, content: bytes | None, headers: RawHeaders = ()) -> None:
    """Send a complete response with this JSON, or without a body."""
    described = () if content is None else ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": status, "headers": [*described, *headers]})
    await send({"type": "http.response.body", "body": content or b""})


async def send_problem(send: Send, refusal: HTTPException) -> None:
    """Send an error with its headers."""
    headers = [(name.lower().encode(), value.encode()) for name, value in (refusal.headers or {}).items()]
    await send_json(send, refusal.status_code, Problem(detail=refusal.detail), headers)


async def internal_error(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Respond with 500: the application that answers in place of one that failed."""
    await send_json(send, 500, Problem(detail="Internal Server Error"))
