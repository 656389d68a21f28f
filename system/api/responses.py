"""JSON answers made without a framework, and the one shape that every error has."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.types import Send
from typing_extensions import TypedDict

RETRY_AFTER_SECONDS = 1

Documented = dict[int | str, dict[str, Any]]
_json = msgspec.json.Encoder()

RawHeaders = Iterable[tuple[bytes, bytes]]


class Problem(TypedDict):
    """An error. The text is one of ours: it never repeats what the client sent."""

    detail: str


def problems(described: Mapping[int, str]) -> Documented:
    """Describe the errors of a route for the OpenAPI document: status and when it is given."""
    return {status: {"model": Problem, "description": when} for status, when in described.items()}


def unavailable(what: str) -> HTTPException:
    """Make the 503 that says which part does not answer."""
    return HTTPException(503, f"{what} is not available", {"Retry-After": str(RETRY_AFTER_SECONDS)})


async def send_json(send: Send, status: int, body: Mapping[str, object], headers: RawHeaders = ()) -> None:
    """Send a whole answer."""
    content = _json.encode(body)
    start = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": content})
