"""Responses of the server itself, below the application, over real sockets."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from .test_process import Process, started

VOTE = b'{"option":"cats"}'
HEAD = b"POST /api/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def api() -> Iterator[Process]:
    with started() as process:
        yield process


def answered(api: Process, sent: bytes) -> http.client.HTTPResponse | None:
    """Send raw bytes and return one response, or None if the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", api.port), 15) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        answer.body = answer.read()  # type: ignore[attr-defined]
        return answer


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the first bytes of TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
        b"post /api/vote HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW /api/vote HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: 17\r\nContent-Length: 3\r\n\r\n" + VOTE,
        HEAD + b"Content-Length: 17\r\nTransfer-Encoding: chunked\r\n\r\n" + VOTE,
        HEAD + b"Content-Length: -1\r\n\r\n" + VOTE,
        HEAD + b"Content-Length: 0x11\r\n\r\n" + VOTE,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + VOTE,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + VOTE,
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + VOTE,
        HEAD + b"X: a\x00b\r\nContent-Length: 17\r\n\r\n" + VOTE,
        HEAD + b"no colon\r\nContent-Length: 17\r\n\r\n" + VOTE,
        HEAD + b"Content-Length : 17\r\n\r\n" + VOTE,
        HEAD + b"X: a\r\n b\r\nContent-Length: 17\r\n\r\n" + VOTE,
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health;x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:60]),
)
def test_malformed_http_is_rejected_with_the_security_headers(api: Process, sent: bytes) -> None:
    answer = answered(api, sent)
    assert answer is not None
    assert 400 <= answer.status < 500 or (b"X: " + b"a" * 50 in sent and answer.status == 200)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Server"] is None
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
        (b"GET http://elsewhere/health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /health?x=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 1000 + b"\r\n", 200),
        (HEAD + b"Content-Length: 17\r\nExpect: 100-continue\r\n\r\n" + VOTE, 503),  # a valid vote, but Redis is missing
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n11;name=value\r\n" + VOTE + b"\r\n0\r\n\r\n", 503),
    ],
)
def test_unusual_but_valid_requests_are_served(api: Process, sent: bytes, status: int) -> None:
    answer = answered(api, sent)
    assert answer is not None
    assert answer.status == status


def test_two_requests_in_one_write_are_answered_in_order(api: Process) -> None:
    with socket.create_connection(("127.0.0.1", api.port), 15) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 ") == 2
    assert received.index(b"200 OK") < received.index(b"404 Not Found")


def test_a_truncated_body_is_not_a_vote(api: Process) -> None:
    with socket.create_connection(("127.0.0.1", api.port), 15) as connection:
        connection.sendall(HEAD + b"Content-Length: 17\r\n\r\n" + VOTE[:9])
        connection.shutdown(socket.SHUT_WR)
        assert b"201" not in connection.recv(100)
