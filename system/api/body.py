"""Reads request bodies with a size limit, whatever the headers say. `connections` enforces the time limit."""

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

LIMIT_BYTES = 1_048_576

# The remainder of a rejected body must neither be parsed as the next request nor be read indefinitely.
CLOSE = {"Connection": "close"}


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return all values of a header; `name` is lowercase."""
    return [value for key, value in scope["headers"] if key == name]


async def read_body(scope: Scope, receive: Receive) -> bytes | None:
    """Return the whole body, or None if the client disconnected before it was complete.

    Raises:
        HTTPException: 413, the declared or received size exceeds `LIMIT_BYTES`.
    """
    for announced in header_values(scope, b"content-length"):
        if announced.isdigit() and int(announced) > LIMIT_BYTES:
            raise HTTPException(413, "Content Too Large", CLOSE)
    body = b""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body = message.get("body", b"")
        size += len(body)
        if size > LIMIT_BYTES:
            raise HTTPException(413, "Content Too Large", CLOSE)
        parts.append(body)
        if not message.get("more_body", False):
            return b"".join(parts)
