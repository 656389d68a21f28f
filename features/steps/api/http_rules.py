"""Steps that send votes in requests which no client library would send."""

import http.client
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from pytest_bdd import given, parsers, then, when

from features.support.parts import record_vote
from validation.core import inputs, protocol
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer, HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Target

VOTE = b'{"option":"cats"}'
CHUNKS = b"11\r\n" + VOTE + b"\r\n0\r\n\r\n"
LINE = b"POST /api/vote HTTP/1.1\r\n"
HOST = b"Host: votecheck\r\n"
LENGTH = b"Content-Length: 17\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CODING = "a content coding"
SECONDS = 10.0
CREATED = 201

REFUSED: dict[str, tuple[bytes, bytes, bytes]] = {
    "no Host": (LINE, LENGTH, VOTE),
    "two Hosts": (LINE, HOST + HOST + LENGTH, VOTE),
    "a Host with a space": (LINE, b"Host: vote check\r\n" + LENGTH, VOTE),
    "white space before a colon": (LINE, HOST + b"Content-Length : 17\r\n", VOTE),
    "a folded line": (LINE, HOST + b"X-Long: a\r\n b\r\n" + LENGTH, VOTE),
    "a bare CR in a header": (LINE, HOST + b"X: a\rb\r\n" + LENGTH, VOTE),
    "NUL in a header": (LINE, HOST + b"X: a\x00b\r\n" + LENGTH, VOTE),
    "two lengths": (LINE, HOST + LENGTH + b"Content-Length: 3\r\n", VOTE),
    "a length and chunks": (LINE, HOST + LENGTH + CHUNKED, CHUNKS),
    "a negative length": (LINE, HOST + b"Content-Length: -17\r\n", VOTE),
    "chunks in HTTP/1.0": (b"POST /api/vote HTTP/1.0\r\n", HOST + CHUNKED, CHUNKS),
    "chunked twice": (LINE, HOST + CHUNKED + CHUNKED, CHUNKS),
    "a broken chunk": (LINE, HOST + CHUNKED, b"11\r\n" + VOTE + b"XX0\r\n\r\n"),
    "an unknown transfer coding": (LINE, HOST + b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    "version 2.0": (b"POST /api/vote HTTP/2.0\r\n", HOST + LENGTH, VOTE),
    "version 0.9": (b"POST /api/vote HTTP/0.9\r\n", HOST + LENGTH, VOTE),
    "an unknown method": (b"VOTE /api/vote HTTP/1.1\r\n", HOST + LENGTH, VOTE),
    "a target of 20000 bytes": (b"POST /api/vote?" + b"a" * 20_000 + b" HTTP/1.1\r\n", HOST + LENGTH, VOTE),
    "a header of 1 MB": (LINE, HOST + LENGTH + b"X: " + b"a" * 1_000_000 + b"\r\n", VOTE),
    "10000 headers": (LINE, HOST + LENGTH + b"X: a\r\n" * 10_000, VOTE),
    "an unknown expectation": (LINE, HOST + LENGTH + b"Expect: applause\r\n", VOTE),
    CODING: (LINE, HOST + LENGTH + b"Content-Encoding: gzip\r\n", VOTE),
}
"""Request line, headers and body; every one of them is a vote that a careless server would accept."""
SERVED: dict[str, tuple[bytes, bytes, bytes]] = {
    "HTTP/1.0 and no Host": (b"POST /api/vote HTTP/1.0\r\n", LENGTH, VOTE),
    "an absolute target": (b"POST http://elsewhere/api/vote HTTP/1.1\r\n", HOST + LENGTH, VOTE),
    "an upgrade to ignore": (LINE, HOST + LENGTH + b"Upgrade: h2c\r\nConnection: Upgrade, close\r\n", VOTE),
    "a trailer": (LINE, HOST + CHUNKED, CHUNKS[:-2] + b"Content-Type: text/plain\r\n\r\n"),
    "ninety headers": (LINE, HOST + LENGTH + b"X: a\r\n" * 90, VOTE),
}


@when(parsers.re(f"a client sends a vote with (?P<what>{'|'.join([*REFUSED, *SERVED])})"), target_fixture="receipt")
def sends_vote_with(what: str, http: HttpProbe, watch: Callable[..., Any], sent_votes: SentVotes) -> Any:
    key = sent_votes.key()
    line, headers, body = REFUSED.get(what) or SERVED[what]
    kept = headers if b"Connection" in headers else headers + b"Connection: close\r\n"
    content = (line + kept + _content_type(key) + b"\r\n", body)
    receipt = watch(lambda: http.raw(*content), expected=int(what in SERVED))
    record_vote(sent_votes, key, "cats", receipt.answer)
    return receipt


@then("it is an error like any other, with a date, and the connection is closed")
def like_any_other(receipt: Any, observe: Observe) -> None:
    answer: Answer = receipt.answer
    with observe.together():
        observe("body", expected="an object with a detail", observed=answer.json(), holds=set(answer.json() or {}) == {"detail"})
        observe("Date", expected="present", observed=answer.headers.get("date"), holds="date" in answer.headers)
        observe("Connection", expected="close", observed=answer.headers.get("connection"), remedy="system/api/strict_http.py")
        for name, allowed in protocol.HEADERS.items():
            value = answer.headers.get(name, "missing")
            observe(
                f"{name} on a {answer.status}",
                expected=" or ".join(allowed) or "present",
                observed=value,
                holds=_is_allowed(value, allowed),
            )


@then("it lists the content codings that are accepted")
def lists_codings(receipt: Any, observe: Observe) -> None:
    observe("Accept-Encoding", expected="identity", observed=receipt.answer.headers.get("accept-encoding"), remedy="system/api/votes.py")


@then("the response is 201 and the stream holds its vote")
def served(receipt: Any, observe: Observe) -> None:
    with observe.together():
        observe("status", expected=CREATED, observed=receipt.answer.status, evidence=str(receipt.answer))
        observe("options added to the stream", expected=["cats"], observed=[fields.get("option") for _, fields in receipt.entries])


@when("a client sends a vote and a malformed request in one piece", target_fixture="statuses")
def vote_and_malformed(system: Target, sent_votes: SentVotes) -> list[bytes]:
    key = sent_votes.key()
    with _connected(system.api.url) as connection:
        sent = LINE + HOST + LENGTH + _content_type(key) + b"\r\n" + VOTE + b"GET /health HTTP/1.1\r\n\r\n"
        inputs.note(inputs.lines(sent))
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    sent_votes.record(key, "cats", int(statuses[0]) if statuses else 0, _vote_id(received))
    return statuses


@then("the first response accepts the vote, and the second refuses the request")
def in_order(statuses: list[bytes], observe: Observe) -> None:
    observe("statuses in the order of the responses", expected=[b"201", b"400"], observed=statuses, remedy="a refusal waits for its turn")


@when("a client announces a body of one byte over 1 MiB and sends none of it", target_fixture="ended")
def announces_too_much(system: Target) -> tuple[bytes, float]:
    with _connected(system.api.url) as connection:
        sent = LINE + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (protocol.BODY_LIMIT_BYTES + 1)
        inputs.note(inputs.lines(sent))
        connection.sendall(sent)
        received, begun = b"", time.monotonic()
        with suppress(TimeoutError):
            while piece := connection.recv(65536):
                received += piece
        return received, time.monotonic() - begun


@then(parsers.parse("the response refuses it, and the connection ends within {seconds:g} seconds"))
def ends(ended: tuple[bytes, float], seconds: float, observe: Observe) -> None:
    received, took = ended
    with observe.together():
        observe(
            "responses",
            expected=[b"413"],
            observed=[part[:3] for part in received.split(b"HTTP/1.1 ")[1:]],
            evidence=inputs.lines(received),
        )
        observe("time until the connection ended", expected=f"at most {seconds:g} s", observed=f"{took:.1f} s", holds=took <= seconds,
                remedy="system/api/one_write.py leaves such responses to uvicorn")  # fmt: skip


@given(parsers.re(r"(?P<count>\d+) connections, each idle for (?P<seconds>\d+) seconds after a response"), target_fixture="idle")
def idle_connections(system: Target, count: str, seconds: str, afterwards: Callable[..., None]) -> list[http.client.HTTPConnection]:
    address = urlsplit(system.api.url)
    connections = [http.client.HTTPConnection(address.hostname or "", address.port, timeout=SECONDS) for _ in range(int(count))]
    opened = ExitStack()
    afterwards(opened.close)
    for connection in connections:
        opened.callback(connection.close)
        inputs.note(f"GET /health on a connection that then is idle for {seconds} s")
        connection.request("GET", "/health")
        connection.getresponse().read()
    time.sleep(float(seconds))
    return connections


@when("a vote is sent on each of them", target_fixture="results")
def vote_on_each(idle: list[http.client.HTTPConnection], sent_votes: SentVotes) -> list[str]:
    results = []
    for connection in idle:
        key, status, content = sent_votes.key(), 0, b""
        with suppress(OSError, http.client.HTTPException, AttributeError):  # http.client forgets a connection that was closed
            sent = LINE + HOST + LENGTH + _content_type(key) + b"\r\n" + VOTE
            inputs.note(inputs.lines(sent))
            connection.sock.sendall(sent)  # http.client would connect again
            answer = http.client.HTTPResponse(connection.sock)
            answer.begin()
            status, content = answer.status, answer.read()
        sent_votes.record(key, "cats", status, _vote_id(content))
        results.append(str(status or "no response"))
    return results


@then("each vote is accepted")
def each_accepted(results: list[str], observe: Observe) -> None:
    remedy = "API_KEEP_ALIVE must be longer than proxies keep idle connections"
    observe("responses on idle connections", expected=[str(CREATED)] * len(results), observed=results, remedy=remedy)


def _content_type(key: str) -> bytes:
    return b"Content-Type: application/json\r\nIdempotency-Key: %s\r\n" % key.encode()


def _vote_id(received: bytes) -> str:
    found = re.search(rb'"vote_id":"([^"]+)"', received)
    return found[1].decode() if found else ""


def _is_allowed(value: str, allowed: tuple[str, ...]) -> bool:
    return value != "missing" and (not allowed or value in allowed)


@contextmanager
def _connected(url: str) -> Iterator[socket.socket]:
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 80), SECONDS) as connection:
        yield connection
