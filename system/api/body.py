"""Reading a request's body: bounded in size, whatever its headers say. The bound in time is in `connections`."""

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

LIMIT_BYTES = 1_048_576

# The rest of a refused body must not be taken for the next request, nor be read for ever.
CLOSE = {"Connection": "close"}


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Give all values of a header; `name` in small letters."""
    return [value for key, value in scope["headers"] if key == name]


async def read_body(scope: Scope, receive: Receive) -> bytes | None:
    """Read the whole body; None when the client went away before it was complete.

    Raises:
        HTTPException: 413 for more than `LIMIT_BYTES`, announced or sent.
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
