"""Clients that send many requests in one piece on one connection, and read the responses in order."""

import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from validation.core import inputs
from validation.probes.running.http import decoded
from validation.probes.running.pipelined import Responses

SECONDS = 10.0
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its id, and for a vote its option and key."""

    identity: str
    line: str
    option: str = ""
    key: str = ""

    @property
    def sent(self) -> bytes:
        """The request as bytes."""
        body = msgspec.json.encode({"option": self.option}) if self.option else b""
        head = [f"{self.line} HTTP/1.1", "Host: votecheck", f"X-Request-ID: {self.identity}", f"X-Forwarded-For: {self.address}"]
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if self.key:
            head.append(f"Idempotency-Key: {self.key}")
        return "\r\n".join([*head, "", ""]).encode() + body

    @property
    def address(self) -> str:
        """An address of its own, so that no limit for one client is reached."""
        high, low = divmod(int(self.identity.rpartition("-")[2]), 250)
        return f"198.19.{high}.{low + 1}"


@dataclass(frozen=True, slots=True)
class Response:
    """One response: status, the request id that it carries, and its JSON body if it has one; status 0 if none came."""

    status: int
    identity: str = ""
    body: Any = None


def converse(url: str, batches: list[list[Request]]) -> list[tuple[Request, Response]]:
    """Send batches on one connection, each in one piece, and return each request with the response in its place."""
    lines = sorted({request.line for batch in batches for request in batch})
    inputs.note(f"{sum(map(len, batches))} requests on one connection in {len(batches)} batches: {', '.join(lines)}")
    pairs = []
    with opened(url) as connection:
        responses = Responses(connection)
        for batch in batches:
            connection.sendall(b"".join(request.sent for request in batch))
            pairs += [(request, _read(responses, request)) for request in batch]
    return pairs


def opened(url: str) -> socket.socket:
    """Return a connection to an API."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 80), SECONDS)


def slow_reader(url: str, seconds: float) -> socket.socket:
    """Return a connection to an API with a small receive buffer, so that a client that does not read blocks the API.

    The buffer must be set before: TCP stalls by itself if an announced window shrinks later.

    Args:
        url: the API.
        seconds: how long it waits at most for each step.
    """
    address = urlsplit(url)
    family, kind, protocol, _, where = socket.getaddrinfo(address.hostname, address.port or 80, type=socket.SOCK_STREAM)[0]
    client = socket.socket(family, kind, protocol)
    client.settimeout(seconds)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(where)
    return client


def statuses_in(read: bytes | bytearray) -> str:
    """Return the statuses of the responses in what a client read, `none` without one."""
    return ", ".join(status.decode() for status in _STATUS.findall(read)) or "none"


def _read(responses: Responses, request: Request) -> Response:
    answer = responses.begin(request.line.partition(" ")[0])
    return Response(answer.status, answer.headers.get("x-request-id", ""), decoded(answer.read()))
