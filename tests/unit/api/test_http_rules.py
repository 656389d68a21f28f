"""What RFC 9110 (semantics) and RFC 9112 (HTTP/1.1) demand of a server, rule by rule, over a real socket."""

import contextlib
import http.client
import re
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from .test_process import Process, started

VOTE = b'{"option":"cats"}'
HOST = b"Host: x\r\n"
GET = b"GET /health HTTP/1.1\r\n" + HOST
POST = b"POST /api/vote HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: 17\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"11\r\n" + VOTE + b"\r\n0\r\n\r\n"
VALID = 503
"""The response to a valid vote: Redis is missing."""

RULES: dict[str, list[tuple[bytes, int]]] = {
    "9112 2.2: empty lines before a request are ignored": [(b"\r\n\r\n" + GET + b"\r\n", 200)],
    "9112 2.2: no white space before the first header": [(b"GET /health HTTP/1.1\r\n Host: x\r\n\r\n", 400)],
    "9112 2.2: a bare CR is invalid": [(GET + b"X: a\rb\r\n\r\n", 400), (b"GET /health\r HTTP/1.1\r\nHost: x\r\n\r\n", 400)],
    "9112 2.3, 9110 15.6.6: only HTTP/1.0 and 1.1": [
        (b"GET /health\r\n\r\n", 505),
        (b"GET /health HTTP/0.9\r\n\r\n", 505),
        (b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /health HTTP/1.x\r\nHost: x\r\n\r\n", 400),
        (b"GET /health http/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
    ],
    "9112 3: the request line has three parts": [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /health#part HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
    "9112 3, 9110 15.5.15: a request target is bounded, and 8000 bytes are supported": [
        (b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /health?" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ],
    "9110 9.1: an unknown method is 501, a known one that the target does not support is 405": [
        (b"BREW /health HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"get /health HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"TRACE /health HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"DELETE /api/vote HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"PUT /api/results HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"POST /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
    ],
    "9112 3.2: exactly one valid Host in HTTP/1.1": [
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (GET + b"Host: x\r\n\r\n", 400),
        (GET + b"host: y\r\n\r\n", 400),
        *[(b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", 400)
          for host in (b"a b", b"a/b", b"u@h", b"h:x", b"h:1:2", b"[::1", b"::1", b"http://h", b"h?", b"%zz", b"h\xff")],
        *[(b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", 200)
          for host in (b"h", b"h:", b"h:8000", b"[::1]", b"[2001:db8::1]:80", b"a_b.c", b"")],
        (b"GET /health HTTP/1.0\r\nHost: a b\r\n\r\n", 400),
        (b"GET /health HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400),
    ],
    "9112 3.2: forms of the target": [
        (b"GET http://elsewhere/health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http:///health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    ],
    "9112 5.1: no white space before the colon, and a name is a token": [
        (GET + b"X : a\r\n\r\n", 400),
        (GET + b"X\t: a\r\n\r\n", 400),
        (GET + b": a\r\n\r\n", 400),
        (GET + b"no colon\r\n\r\n", 400),
        (GET + b"a(b): c\r\n\r\n", 400),
        (GET + b"x\xe9: c\r\n\r\n", 400),
        (POST + b"Content-Length : 17\r\n\r\n" + VOTE, 400),
    ],
    "9112 5.2: folded lines are refused": [(GET + b"X: a\r\n b\r\n\r\n", 400), (GET + b"X: a\r\n\tb\r\n\r\n", 400)],
    "9110 5.5: no CR, LF or NUL in a value": [(GET + b"X: a\x00b\r\n\r\n", 400), (GET + b"X: a\x01b\r\n\r\n", 400)],
    "9110 5.4, 6585 5: headers are bounded": [
        (GET + b"X: a\r\n" * 90 + b"\r\n", 200),
        (GET + b"X: a\r\n" * 10_000 + b"\r\n", 431),
        (GET + b"X: " + b"a" * 16_000 + b"\r\n\r\n", 200),
        (GET + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
        (GET + b"a" * 1_000_000 + b": a\r\n\r\n", 431),
        (GET + b"X: " + b"a" * 1_000_000, 431),  # never ends
    ],
    "9112 6.1: chunked is the only transfer coding": [
        (POST + CHUNKED + b"\r\n" + CHUNKS, VALID),
        (POST + b"Transfer-Encoding: Chunked\r\n\r\n" + CHUNKS, VALID),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS, 501),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n" + VOTE, 400),
        (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + CHUNKS, 400),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS, 400),
        (POST + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + VOTE, 400),
        (POST + CHUNKED + CHUNKED + b"\r\n" + CHUNKS, 400),
    ],
    "9112 6.1: ambiguous framing": [
        (POST + LENGTH + CHUNKED + b"\r\n" + CHUNKS, 400),
        (POST + CHUNKED + LENGTH + b"\r\n" + CHUNKS, 400),
        (b"POST /api/vote HTTP/1.0\r\nContent-Type: application/json\r\n" + CHUNKED + b"\r\n" + CHUNKS, 400),
    ],
    "9112 6.3: a length is one decimal number": [
        (POST + LENGTH + b"\r\n" + VOTE, VALID),
        *[(POST + b"Content-Length: " + length + b"\r\n\r\n" + VOTE, 400)
          for length in (b"-1", b"+17", b"0x11", b"1_7", b"17, 17", b"17,18", b"", b"17 17", b"9" * 30)],
        (POST + LENGTH + LENGTH + b"\r\n" + VOTE, 400),
        (POST + LENGTH + b"Content-Length: 3\r\n\r\n" + VOTE, 400),
    ],
    "9112 7.1: chunks": [
        (POST + CHUNKED + b"\r\n11;name=value\r\n" + VOTE + b"\r\n0\r\n\r\n", VALID),
        (POST + CHUNKED + b"\r\n11\r\n" + VOTE + b"\r\n0\r\nX-Trailer: a\r\n\r\n", VALID),
        *[(POST + CHUNKED + b"\r\n" + chunks, 400)
          for chunks in (b"zz\r\n" + VOTE, b"-1\r\n", b"f" * 18 + b"\r\n", b"0x11\r\n" + VOTE, b" 11\r\n" + VOTE,
                         b"11\r\n" + VOTE + b"XX0\r\n\r\n",
                         b"\r\n", b"11\n" + VOTE + b"\r\n0\r\n\r\n", b"11;a\nb\r\n" + VOTE + b"\r\n0\r\n\r\n")],
    ],
    "9110 6.5.1: trailers do not become headers": [
        (POST.partition(b"Content-Type")[0] + CHUNKED + b"\r\n" + CHUNKS[:-2] + b"Content-Type: application/json\r\n\r\n", 415),
        (POST + CHUNKED + b"\r\n11\r\n" + VOTE + b"\r\n0\r\nIdempotency-Key: a b\r\n\r\n", VALID),
        (POST + CHUNKED + b"\r\n11\r\n" + VOTE + b"\r\n0\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    ],
    "9110 7.8: upgrades are ignored": [
        (GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 200),
        (GET + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n\r\n", 200),
        (POST + LENGTH + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + VOTE, VALID),
        (POST + CHUNKED + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + CHUNKS, VALID),
        (b"GET /health HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 400),
    ],
    "9110 8.4: no content coding is supported": [
        (POST + LENGTH + b"Content-Encoding: gzip\r\n\r\n" + VOTE, 415),
        (POST + LENGTH + b"Content-Encoding: GZIP\r\n\r\n" + VOTE, 415),
        (POST + LENGTH + b"Content-Encoding: identity\r\nContent-Encoding: br\r\n\r\n" + VOTE, 415),
        (POST + LENGTH + b"Content-Encoding: gzip, identity\r\n\r\n" + VOTE, 415),
        (POST + LENGTH + b"Content-Encoding: identity\r\n\r\n" + VOTE, VALID),
    ],
    "9110 10.1.1: expectations": [
        (POST + LENGTH + b"Expect: 100-continue\r\n\r\n" + VOTE, VALID),
        (POST + LENGTH + b"Expect: 100-Continue\r\n\r\n" + VOTE, VALID),
        (POST + LENGTH + b"Expect: teapot\r\n\r\n" + VOTE, 417),
    ],
    "3986 2.1: escapes in the path": [
        (b"GET /%68ealth HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /health%zz HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /health%00 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def api() -> Iterator[Process]:
    with started() as process:
        yield process


def connected(api: Process) -> socket.socket:
    return socket.create_connection(("127.0.0.1", api.port), 15)


def received(api: Process, *sent: bytes, until: bytes | None = None, pause: float = 0.05) -> bytes:
    """Send pieces, and return what arrives until the server closes the connection or `until` arrives."""
    with connected(api) as connection:
        content = b""
        for piece in sent:
            try:
                connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause if len(sent) > 1 else 0)
        try:
            while (until is None or until not in content) and (piece := connection.recv(65536)):
                content += piece
        except ConnectionResetError:
            pass
        return content


def answered(api: Process, sent: bytes) -> http.client.HTTPResponse:
    with connected(api) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it was refused before all was sent
            connection.sendall(sent)
        answer = http.client.HTTPResponse(connection, method=sent.partition(b" ")[0].decode("latin-1"))
        answer.begin()
        answer.body = answer.read()  # type: ignore[attr-defined]
        return answer


@pytest.mark.parametrize(
    ("rule", "sent", "status"), [(rule, *row) for rule, rows in RULES.items() for row in rows], ids=lambda x: repr(x)[:70]
)
def test_rules(api: Process, rule: str, sent: bytes, status: int) -> None:
    answer = answered(api, sent)
    assert answer.status == status, rule
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Server"] is None
    assert parsedate_to_datetime(str(answer.headers["Date"]))  # 9110 6.6.1
    if status >= 400:
        assert answer.headers["Content-Type"] == "application/json"
        assert re.fullmatch(rb'\{"detail":"[^"]+"\}', answer.body)  # type: ignore[attr-defined]
    if status == 405:
        assert answer.headers["Allow"]  # 9110 15.5.6
    if sent.count(b"Content-Encoding") and status == 415:
        assert answer.headers["Accept-Encoding"] == "identity"  # 9110 15.5.16


@pytest.mark.parametrize("sent", [b"HEAD /health HTTP/1.1\r\n" + HOST, b"HEAD /nothing HTTP/1.1\r\n" + HOST, b"HEAD /health HTTP/1.1\r\n",
                                  b"HEAD /api/vote HTTP/1.1\r\n" + HOST])  # fmt: skip
def test_a_response_to_head_has_no_content(api: Process, sent: bytes) -> None:  # 9110 9.3.2
    assert received(api, sent + b"Connection: close\r\n\r\n").endswith(b"\r\n\r\n")


def test_pipelined_requests_are_answered_in_order(api: Process) -> None:  # 9112 9.3.2
    got = received(api, GET + b"\r\n" + POST + LENGTH + b"\r\n" + VOTE + b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"503", b"404"]


@pytest.mark.parametrize("bad", [b"hello\r\n\r\n", b"GET /health HTTP/1.1\r\n\r\n", GET + b"X: a\r\n" * 200 + b"\r\n"])
def test_a_refusal_waits_for_the_response_before_it(api: Process, bad: bytes) -> None:  # 9112 9.3.2
    got = received(api, POST + LENGTH + b"\r\n" + VOTE + bad)
    statuses = re.findall(rb"HTTP/1.1 (\d+)", got)
    assert statuses[0] == b"503"
    assert statuses[1:] in ([b"400"], [b"431"])


def test_after_close_nothing_is_processed(api: Process) -> None:  # 9112 9.6
    got = received(api, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET + b"\r\n")
    assert got.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in got


def test_http_1_0_closes_after_a_response(api: Process) -> None:  # 9112 9.3
    assert received(api, b"GET /health HTTP/1.0\r\n\r\n").count(b"HTTP/1.1 200") == 1


def test_an_interim_response_is_for_http_1_1(api: Process) -> None:  # 9110 10.1.1, 15.2
    later = received(api, POST + LENGTH + b"Connection: close\r\nExpect: 100-continue\r\n\r\n", VOTE)
    assert later.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503")
    old = received(api, b"POST /api/vote HTTP/1.0\r\nContent-Type: application/json\r\n" + LENGTH + b"Expect: 100-continue\r\n\r\n", VOTE)
    assert old.startswith(b"HTTP/1.1 503")


def test_an_ignored_upgrade_keeps_the_connection(api: Process) -> None:  # 9110 7.8
    upgrade = GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    got = received(api, upgrade + upgrade + GET + b"Connection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200"] * 3


@pytest.mark.parametrize("size", [1, 7])
def test_pieces_of_any_size_are_one_request(api: Process, size: int) -> None:
    whole = POST + CHUNKED + b"Connection: close\r\n\r\n" + CHUNKS
    got = received(api, *[whole[at : at + size] for at in range(0, len(whole), size)], pause=0.001)
    assert got.startswith(b"HTTP/1.1 503")


def test_an_endless_request_is_cut_off(api: Process) -> None:
    piece = b"1\r\n \r\n" * 10_000
    with connected(api) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n")
        for _ in range(1000):  # 60 MB
            connection.sendall(piece)


def test_errors_are_not_cut_off_by_a_reset(api: Process) -> None:  # 9112 9.6
    for _ in range(5):
        assert answered(api, GET + b"X: " + b"a" * 40_000 + b"\r\n\r\n").status == 431


def test_a_truncated_body_is_not_a_vote(api: Process) -> None:
    with connected(api) as connection:
        connection.sendall(POST + LENGTH + b"\r\n" + VOTE[:9])
        connection.shutdown(socket.SHUT_WR)
        assert b"201" not in connection.recv(100)
