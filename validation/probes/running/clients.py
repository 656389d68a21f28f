"""HTTP clients with an address of their own, as a limit per address sees them, and connections that stay open."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from validation.core import exchanges, inputs
from validation.core.errors import ProbeError
from validation.probes.running.event_stream import EventStream
from validation.probes.running.http import Answer

SECONDS = 10.0
IP_BIND_ADDRESS_NO_PORT = 24
"""The option of Linux; Python has no name for it before 3.12."""
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Client:
    """A client of one API.

    Attributes:
        host, port: where the API listens.
        address: the address of this machine that the client connects from.
        headers: headers of each of its requests; a name may repeat.

    Raises:
        ProbeError: from every method, if no response comes.
    """

    host: str
    port: int
    address: str
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, method: str, path: str, headers: Headers = (), content: bytes = b"") -> Answer:
        """Send one request on its own connection. The body of an endless response is not read."""
        every = [*self.headers, *headers]
        inputs.note(f"from {self.address}: {inputs.request(method, path, dict(every), content)}")
        sent = exchanges.request(method, path, every, content)
        begun = time.monotonic()
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.sock = self.connect()
        try:
            connection.putrequest(method, path)
            for name, value in [*every, *([("Content-Length", str(len(content)))] if content else [])]:
                connection.putheader(name, value)
            connection.endheaders(content or None)
            with connection.getresponse() as response:
                shown = _joined(response.getheaders())
                endless = shown.get("content-type", "").startswith("text/event-stream")
                answer = Answer(response.status, shown, b"" if endless else response.read(), time.monotonic() - begun)
                exchanges.note(sent, exchanges.response(answer.status, shown.items(), answer.body, answer.seconds))
                return answer
        except (OSError, http.client.HTTPException) as error:
            exchanges.note(sent, exchanges.missing(error))
            raise ProbeError(f"No response to {method} {path}: {type(error).__name__}: {error}.", "the API exited or hangs") from error
        finally:
            connection.close()

    def vote(self, option: str, key: str = "", headers: Headers = ()) -> Answer:
        """Cast one vote."""
        own = [("Content-Type", "application/json"), *([("Idempotency-Key", key)] if key else []), *headers]
        return self.send("POST", "/api/vote", own, json.dumps({"option": option}).encode())

    def follow(self) -> EventStream:
        """Return the live results, which this client follows from now on."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        live = EventStream(f"http://{host}:{self.port}/api/results/stream", dict(self.headers), self.address)
        live.start()
        live.wait_for_response()
        return live

    def connect(self) -> socket.socket:
        """Open a connection and leave it open. Its own port is chosen as late as others' are, so not one that a part is to listen on."""
        connection = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        try:
            connection.settimeout(SECONDS)
            connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            connection.bind((self.address, 0))
            connection.connect((self.host, self.port))
        except OSError as error:
            connection.close()
            raise ProbeError(f"Cannot connect to {self.host} port {self.port}: {error}.", "the API exited or hangs") from error
        return connection


def reaches(host: str, port: int) -> bool:
    """Return whether something listens at an address of this machine."""
    with suppress(OSError), socket.create_connection((host, port), 1.0):
        return True
    return False


def all_at_once(clients: Sequence[Client], requests: Sequence[bytes]) -> list[Answer]:
    """Send each request on a connection of its own, all of them before the first response is read.

    Raises:
        ProbeError: a response is missing.
    """
    inputs.note(f"{len(requests)} requests at once, the first of them: {inputs.lines(requests[0])}")
    opened = [client.connect() for client in clients]
    try:
        for connection, request in zip(opened, requests, strict=True):
            connection.sendall(request)
        answers = [_response(connection) for connection in opened]
        for request, answer in zip(requests, answers, strict=True):
            exchanges.note(exchanges.body(request), exchanges.response(answer.status, answer.headers.items(), answer.body, answer.seconds))
        return answers
    finally:
        for connection in opened:
            connection.close()


@contextmanager
def kept_open(clients: Sequence[Client]) -> Iterator[None]:
    """Hold connections that each had a response and may be used again."""
    inputs.note(f"{len(clients)} connections at once, each with GET /health")
    opened = [client.connect() for client in clients]
    try:
        for connection in opened:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: votecheck\r\n\r\n")
        for connection in opened:
            _response(connection)
        yield
    finally:
        for connection in opened:
            connection.close()


@dataclass
class IdleConnection:
    """A connection that had a response and then idles; it notices when the server closes it."""

    client: Client
    closed_after: float | None = None
    begun: float = 0.0
    _connection: socket.socket | None = None

    def start(self) -> None:
        """Get a response, then idle."""
        inputs.note(f"from {self.client.address}: GET /health on a connection that then is idle")
        self._connection = self.client.connect()
        self._connection.sendall(b"GET /health HTTP/1.1\r\nHost: votecheck\r\n\r\n")
        _response(self._connection)
        self.begun = time.monotonic()
        self._connection.settimeout(None)
        threading.Thread(target=self._wait, daemon=True).start()

    @property
    def idle_for(self) -> float:
        """Seconds since the response."""
        return time.monotonic() - self.begun

    def stop(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            self._connection.close()

    def _wait(self) -> None:
        connection = self._connection
        with suppress(OSError):
            if connection is not None and connection.recv(1) == b"":
                self.closed_after = self.idle_for


def _response(connection: socket.socket) -> Answer:
    begun = time.monotonic()
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        return Answer(response.status, _joined(response.getheaders()), response.read(), time.monotonic() - begun)
    except (OSError, http.client.HTTPException) as error:
        raise ProbeError(f"A connection got no response: {type(error).__name__}: {error}.", "the API exited or hangs") from error


def _joined(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name.lower()] = f"{joined[name.lower()]}, {value}" if name.lower() in joined else value
    return joined
