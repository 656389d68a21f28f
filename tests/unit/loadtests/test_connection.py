"""The HTTP client: requests are sent once, and responses are either complete or an error."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator

import pytest

from loadtests.connection import NO_RESPONSE, Connection

WITHIN = 5.0
GOOD = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi"
Pieces = list[bytes]


class Server:
    """Accepts connections in turn, sends the given responses in pieces, one per request, and closes the connection."""

    def __init__(self, *connections: list[Pieces]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests: list[list[bytes]] = []
        self._serving = threading.Thread(target=self._serve, args=connections)
        self._serving.start()

    def _serve(self, *connections: list[Pieces]) -> None:
        with self._listening:
            for answers in connections:
                client, _ = self._listening.accept()
                self.requests.append([])
                with client:
                    for pieces in answers:
                        self.requests[-1].append(client.recv(65536))
                        for piece in pieces:
                            client.sendall(piece)

    def wait(self) -> None:
        self._serving.join(WITHIN)
        assert not self._serving.is_alive()


@contextlib.contextmanager
def connected(*connections: list[Pieces]) -> Iterator[tuple[Server, Connection]]:
    server = Server(*connections)
    connection = Connection(server.url)
    yield server, connection
    connection.close()
    server.wait()


def asked(connection: Connection) -> tuple[int, bytes]:
    return connection.exchange(connection.head("GET", "/api/results") + b"\r\n", WITHIN)


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        ([GOOD], (201, b"hi")),
        ([bytes([byte]) for byte in GOOD], (201, b"hi")),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"], (200, b"abcde")),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", GOOD], (201, b"hi")),
        ([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + GOOD], (201, b"hi")),
        ([b"HTTP/1.1 200 OK\r\n\r\nto the end"], (200, b"to the end")),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], (204, b"")),
    ],
    ids=["whole", "byte by byte", "chunked", "continue", "hints", "until it closes", "without a body"],
)
def test_a_complete_response_is_read_in_any_framing(pieces: Pieces, answer: tuple[int, bytes]) -> None:
    with connected([pieces]) as (_, connection):
        assert asked(connection) == answer


@pytest.mark.parametrize(
    "pieces",
    [[], [GOOD[:-1]], [GOOD[:30]], [b"HTTP/1.1 100 Continue\r\n\r\n"], [b"SSH-2.0-OpenSSH\r\n"]],
    ids=["closed", "half a body", "half a head", "only an interim one", "no HTTP"],
)
def test_an_incomplete_response_is_an_error_and_not_retried(pieces: Pieces) -> None:
    with connected([pieces]) as (server, connection):
        with pytest.raises(NO_RESPONSE):
            asked(connection)
        server.wait()
        assert len(server.requests) == len(server.requests[0]) == 1


def test_a_connection_is_reused() -> None:
    with connected([[GOOD], [GOOD], [GOOD]]) as (server, connection):
        assert [asked(connection) for _ in range(3)] == [(201, b"hi")] * 3
        assert [len(requests) for requests in server.requests] == [3]


def test_a_connection_that_the_server_closes_is_not_reused() -> None:
    closing = GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with connected([[closing]], [[GOOD]]) as (server, connection):
        assert [asked(connection) for _ in range(2)] == [(201, b"hi")] * 2
        assert [len(requests) for requests in server.requests] == [1, 1]


def test_a_connection_closed_while_idle_is_reopened() -> None:
    with connected([[GOOD]], [[GOOD]]) as (server, connection):
        assert asked(connection) == (201, b"hi")
        assert connection._socket is not None
        assert select.select([connection._socket], [], [], WITHIN)[0]  # the server's FIN has arrived
        assert asked(connection) == (201, b"hi")
        assert [len(requests) for requests in server.requests] == [1, 1]


def test_after_a_failed_request_the_next_response_belongs_to_the_next_request() -> None:
    with connected([[GOOD[:30]]], [[GOOD]]) as (_, connection):
        with pytest.raises(NO_RESPONSE):
            asked(connection)
        assert asked(connection) == (201, b"hi")


@pytest.mark.parametrize(
    ("url", "lines"),
    [
        ("http://host", [b"GET /api/results HTTP/1.1", b"Host: host"]),
        ("http://host:8000/", [b"GET /api/results HTTP/1.1", b"Host: host:8000"]),
        ("https://[::1]:8000/votes/", [b"GET /votes/api/results HTTP/1.1", b"Host: [::1]:8000"]),
    ],
)
def test_a_request_contains_host_and_path(url: str, lines: list[bytes]) -> None:
    assert Connection(url).head("GET", "/api/results", "X: 1").split(b"\r\n") == [*lines, b"User-Agent: votecheck-load", b"X: 1", b""]


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "host", "ftp://host", "http://", "", "http://host:port"])
def test_an_invalid_url_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid URL|Port could not be cast"):
        Connection(url)
