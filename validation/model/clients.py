"""Clients of an API: requests in a pipeline on connections that stay open."""

import http.client
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from validation.probes.running.http import decoded
from validation.probes.running.pipelined import Responses

ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request with an id of its own, by which its answer and its line in the log are recognized."""

    id: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def raw(self, host: str) -> bytes:
        """Return its bytes."""
        length = {"Content-Length": str(len(self.body))} if self.body else {}
        fields = {"Host": host, "X-Request-ID": self.id} | length | dict(self.headers)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True)
class Reply:
    """A request and its response.

    Attributes:
        status: 0 if there was no response.
        headers: by lower-case name.
        sent, answered: monotonic seconds before the first byte was sent, and after the last was read.
        wall: epoch seconds when it was sent.
    """

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: float
    answered: float
    wall: float

    def json(self) -> Any:
        """The decoded JSON body, or None if the body is not JSON."""
        return decoded(self.body)

    def __str__(self) -> str:
        return f"{self.status} {self.body[:300].decode(errors='replace')}" if self.status else "no answer"


class Line:
    """A connection to an API that stays open between steps."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._host = parts.netloc
        self._socket: socket.socket | None = None
        self._responses: Responses | None = None

    def close(self) -> None:
        """Close the connection; the next requests open another."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._responses = None

    def send(self, requests: Sequence[Request]) -> list[Reply]:
        """Send requests without waiting in between, and return the reply to each in order."""
        wall, sent = time.time(), time.monotonic()
        replies: list[Reply] = []
        try:
            if self._socket is None or self._responses is None:
                self._socket = socket.create_connection(self._address, ANSWER_SECONDS)
                self._responses = Responses(self._socket)
            self._socket.sendall(b"".join(request.raw(self._host) for request in requests))
            for request in requests:
                response = self._responses.begin(request.method)
                body = response.read()
                headers = {name.lower(): value for name, value in response.getheaders()}
                replies.append(Reply(request, response.status, headers, body, sent, time.monotonic(), wall))
                if response.will_close:
                    self.close()
                    break
        except (OSError, http.client.HTTPException):
            self.close()
        missing = requests[len(replies) :]
        return replies + [Reply(request, 0, {}, b"", sent, time.monotonic(), wall) for request in missing]
