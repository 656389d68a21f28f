"""Clients of an API that come once and never again: each with an address, a name, an id and a key of its own."""

import itertools
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from validation.core import inputs
from validation.core.errors import ProbeError

SECONDS = 10.0
PIPELINED = 50
VOTE_ID = re.compile(rb'"vote_id":"([0-9a-f-]{36})"')
STATE = re.compile(rb'"state":"([a-z]+)"')
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER value that resets the connection when it is closed."""
VOTE = b'{"option":"cats"}'
Visit = tuple[str, str, tuple[str, ...], bytes, bool]
JSON = "Content-Type: application/json"
ODD_VISITS: tuple[Visit, ...] = (
    ("GET", "/api/results?page={n}", (), b"", False),
    ("GET", "/api/results/stream", ("Last-Event-ID: {n}",), b"", True),
    ("GET", "/no/such/page/{n}", (), b"", False),
    ("PUT", "/api/vote?n={n}", (), b"", False),
    ("BREW{n}", "/api/vote", (), b"", False),
    ("POST", "/api/vote", (JSON,), b'{"option":"birds{n}"}', False),
    ("POST", "/api/vote", (JSON, "Idempotency-Key: two words {n}"), VOTE, False),
    ("POST", "/api/vote", (JSON, "Content-Length: 99999"), VOTE, True),
    ("OPTIONS", "/api/vote", ("Origin: https://page-{n}.example", "Access-Control-Request-Method: POST"), b"", False),
    ("GET", "/static/no-{n}.js", (), b"", False),
    ("GET", "/static/app.js", ('If-None-Match: "{n}"',), b"", False),
    ("HEAD", "/health", (), b"", False),
    ("GET", "/ready", ("Host: name-{n}.example",), b"", False),
    ("GET", "/metrics", (), b"", False),
    ("GET /\x00", "{n}", (), b"", False),
)
"""Method, target, headers, body, and whether the client resets the connection; `{n}` is another number each time."""
WATCHING: Visit = ("GET", "/api/results/stream", (), b"", False)


@dataclass
class Visitors:
    """All clients that one API ever sees.

    Attributes:
        url: the API.
        statuses: how often each status was answered; 0 stands for a connection that ended without a response.
        voted: the ids of the votes that were cast last.
    """

    url: str
    statuses: Counter[int] = field(default_factory=Counter)
    voted: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _address: tuple[str, int] = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self._address = parts.hostname or "", parts.port or 80

    def vote(self, count: int) -> None:
        """Cast votes over one connection, several on their way at a time.

        Raises:
            ProbeError: the API did not answer each of them.
        """
        inputs.note(f"{count} votes over one connection, each with a key, an X-Forwarded-For and an X-Request-ID of its own")
        with self._connected() as connection:
            for done in range(0, count, PIPELINED):
                some = min(PIPELINED, count - done)
                connection.sendall(
                    b"".join(self._request("POST", "/api/vote", (JSON, "Idempotency-Key: life-{n}"), VOTE) for _ in range(some))
                )
                received = _responses(connection, some)
                self.statuses.update(_statuses(received))
                self.voted = [found.decode() for found in VOTE_ID.findall(received)]

    def ask_for_receipts(self) -> list[bytes]:
        """Ask what became of the votes that were cast last, all at once, and return the state of each."""
        inputs.note(f"{len(self.voted)} x GET /api/votes/… over one connection")
        with self._connected() as connection:
            connection.sendall(b"".join(self._request("GET", f"/api/votes/{vote_id}", (), b"") for vote_id in self.voted))
            received = _responses(connection, len(self.voted))
        self.statuses.update(_statuses(received))
        return STATE.findall(received)

    def watch(self, count: int) -> None:
        """Open the event stream over a connection each, read its first event, and leave."""
        self._visit(f"{count} clients that open the event stream and leave", itertools.repeat(WATCHING, count))

    def come_and_go(self, count: int) -> None:
        """Send one odd request each over a connection of its own, read what comes at once, and leave."""
        methods = ", ".join(sorted({visit[0] for visit in ODD_VISITS}))
        self._visit(f"{count} clients, each with a connection of its own: {methods}", itertools.islice(itertools.cycle(ODD_VISITS), count))

    def _visit(self, who: str, visits: Iterable[Visit]) -> None:
        inputs.note(who)
        for method, target, headers, body, resets in visits:
            with self._connected() as connection, suppress(ConnectionError):
                connection.sendall(self._request(method, target, headers, body))
                if resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                else:
                    words = connection.recv(65536).split(b" ", 2)
                    self.statuses[int(words[1]) if len(words) > 1 and words[1].isdigit() else 0] += 1

    def _request(self, method: str, target: str, headers: tuple[str, ...], body: bytes) -> bytes:
        number = next(self._numbers)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        own = ("Host: votecheck", f"X-Forwarded-For: {address}", f"User-Agent: client/{number}", f"X-Request-ID: life-{number}")
        lines = [f"{method} {target} HTTP/1.1", *(() if any(line.startswith("Host:") for line in headers) else own[:1]), *own[1:], *headers]
        sent = body.replace(b"{n}", b"%d" % number)
        if sent and not any(line.startswith("Content-Length:") for line in headers):
            lines.append(f"Content-Length: {len(sent)}")
        return "\r\n".join(lines).replace("{n}", str(number)).encode() + b"\r\n\r\n" + sent

    def _connected(self) -> socket.socket:
        return socket.create_connection(self._address, SECONDS)


def _responses(connection: socket.socket, count: int) -> bytes:
    """Read responses of which none has a body that looks like a status line."""
    received = b""
    while received.count(b"HTTP/1.1 ") < count or not received.endswith(b"}"):
        piece = connection.recv(262144)
        if not piece:
            raise ProbeError(f"The API closed the connection after {received.count(b'HTTP/1.1 ')} of {count} responses.", "it crashed")
        received += piece
    return received


def _statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
