"""Send requests to the API and return its responses."""

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from validation.core import exchanges, inputs
from validation.core.errors import ProbeError

SECONDS = 10.0
CONNECT_SECONDS, CONNECTS = 0.5, 20
"""The kernel completes a connection however busy the server is, so a client that hears nothing tries again from another port.

The NAT in front of a published container port may send a new connection to a container that is gone: for two minutes it remembers the
ports of clients that were connected, or connecting, when that container ended (`conntrack -L` shows SYN_SENT, UNREPLIED).
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response.

    Attributes:
        status: the status code; 0 if the server closed the connection without one.
        headers: by lower-case name; repeated headers are joined by commas.
        body: the raw bytes.
        seconds: time from sending to the last byte.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The decoded JSON body, or None if the body is not JSON."""
        return decoded(self.body)

    def __str__(self) -> str:
        """Status and the beginning of the body."""
        return f"{self.status} {self.body[:300].decode(errors='replace')}"


def decoded(text: bytes | str) -> Any:
    """Return decoded JSON, or None if it is not JSON."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """A client of one API.

    Args:
        url: base URL, without a trailing slash.

    Raises:
        ProbeError: from `send`, if no response comes.
    """

    url: str

    def send(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: bytes | Iterator[bytes] = b"") -> Answer:
        """Send one request on its own connection. An iterator is sent chunked. Redirects are not followed."""
        inputs.note(inputs.request(method, path, headers or {}, content))
        sent = exchanges.request(method, path, (headers or {}).items(), content)
        begun = time.monotonic()
        try:
            with httpx.Client(
                timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS), trust_env=False, verify=_trust(self.url.startswith("https"))
            ) as client:
                answer = _connected(lambda: client.request(method, self.url + path, headers=dict(headers or {}), content=content))
        except httpx.HTTPError as error:
            exchanges.note(sent, exchanges.missing(error))
            raise ProbeError(f"No response to {method} {path}: {type(error).__name__}: {error}.", "the API exited or hangs") from error
        return _noted(sent, Answer(answer.status_code, dict(answer.headers), answer.content, time.monotonic() - begun))

    def vote(self, option: str, key: str = "") -> Answer:
        """Cast one vote."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self.send("POST", "/api/vote", headers=headers, content=msgspec.json.encode({"option": option}))

    def answers(self, path: str) -> bool:
        """Return whether a path responds with 200. No response counts as no."""
        try:
            return self.send("GET", path).status == httpx.codes.OK
        except ProbeError:
            return False

    def raw(self, head: bytes, body: bytes = b"") -> Answer:
        """Send raw bytes, for requests that no client library would send, and read one response."""
        inputs.note(f"{inputs.lines(head)}\n\n{inputs.body(body)}".strip())
        sent = exchanges.body(head + body)
        parts = urlsplit(self.url)
        begun = time.monotonic()
        try:
            with socket.create_connection((parts.hostname or "", parts.port or 80), SECONDS) as connection:
                received = _converse(connection, head + body)
        except OSError as error:
            exchanges.note(sent, exchanges.missing(error))
            raise ProbeError(f"No response to a raw request: {error}.", "the API exited or hangs") from error
        return _noted(sent, _parse(received, time.monotonic() - begun))


def _noted(sent: str, answer: Answer) -> Answer:
    exchanges.note(sent, exchanges.response(answer.status, answer.headers.items(), answer.body, answer.seconds))
    return answer


@cache
def _trust(tls: bool) -> ssl.SSLContext:
    # Created once: loading certificates takes 20 ms, and even without certificates it takes a fifth of a request.
    return httpx.create_ssl_context(verify=tls)


def _connected(request: Callable[[], httpx.Response]) -> httpx.Response:
    for _ in range(CONNECTS - 1):
        with suppress(httpx.ConnectTimeout):
            return request()
    return request()


def _converse(connection: socket.socket, unsent: bytes) -> bytes:
    """Send until the first byte of the response, then only read: a server that refuses closes, and anything sent after is lost."""
    received = b""
    while True:
        readable, writable, _ = select.select([connection], [connection] if unsent else [], [], SECONDS)
        if readable:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return received
            if not piece:
                return received
            received, unsent = received + piece, b""
        elif writable:
            try:
                unsent = unsent[connection.send(unsent[:65536]) :]
            except (BrokenPipeError, ConnectionResetError):
                unsent = b""
        else:
            raise TimeoutError(f"no data for {SECONDS:.0f} s")


def _parse(received: bytes, seconds: float) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return Answer(status, headers, body, seconds)
