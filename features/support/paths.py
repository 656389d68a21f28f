"""Every path that a vote or another request can take: how to send a marked client along it, and the status that shows that it was taken."""

import contextlib
import itertools
import socket
import struct
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

import msgspec
import redis

from features.support.apart import LIMIT, OPTIONS, Apart
from features.support.marked import MarkedClient
from validation.core import inputs, protocol
from validation.core.waiting import eventually
from validation.probes.running.clients import Client
from validation.probes.running.http import Answer
from validation.probes.running.page import FORM
from validation.targets.base import Server

JSON = {"Content-Type": "application/json"}
FIRST, SECOND, REFUSED_BY_DATABASE, UNKNOWN_TO_CONSUMER = OPTIONS
HEAL_SECONDS = 20.0
SECONDS = 10.0
LEFT = "a client that leaves within its body"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
Path = Callable[[Apart, MarkedClient, dict[str, str]], Answer]


def vote(apart: Apart, client: MarkedClient, more: dict[str, str], option: str = FIRST, *, key: bool = True) -> Answer:
    """Vote as a client."""
    headers = client.headers | JSON | more
    if not key:
        del headers["Idempotency-Key"]
    return apart.http.send("POST", client.path, headers=headers, content=msgspec.json.encode({"option": option}))


def _post(content: bytes, path: str = "", **changed: str) -> Path:
    named = {name.replace("_", "-"): value for name, value in changed.items()}

    def post(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
        mark = client.mark.encode()
        headers = client.headers | JSON | more | {name: value.replace("MARK", client.mark) for name, value in named.items()}
        target = f"{path}?voter={client.mark}" if path else client.path
        return apart.http.send("POST", target, headers=headers, content=content.replace(b"MARK", mark))

    return post


def _get(path: str, method: str = "GET") -> Path:
    return lambda apart, client, more: apart.http.send(method, f"{path}?voter={client.mark}", headers=client.headers | more)


def _form(site: str = "same-origin", *, option: str = FIRST, kind: str = FORM, more_bytes: int = 0) -> Path:
    def send(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
        headers = client.headers | {"Content-Type": kind, "Sec-Fetch-Site": site} | more
        body = f"option={option}&key={client.key}".replace("MARK", client.mark).encode() + b"a" * more_bytes
        return apart.http.send("POST", f"/?voter={client.mark}", headers=headers, content=body)

    return send


def _twice(option: str) -> Path:
    def send(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
        vote(apart, client, more)
        return vote(apart, client, more, option)

    return send


def _too_many(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    answers = (vote(apart, client, more) for _ in range(3 * LIMIT))  # a new window may begin meanwhile
    return next((answer for answer in answers if answer.status != 201), Answer(0, {}, b"", 0))  # noqa: PLR2004 - an HTTP status


def _malformed(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    lines = [f"{name}: {value}" for name, value in (client.headers | more).items()]
    return apart.http.raw(
        "\r\n".join([f"GET {client.path} HTTP/1.1", "Host: votecheck", *lines, f"{client.mark} no header", "", ""]).encode()
    )


def _wait_until_outdated(apart: Apart) -> None:
    """Wait until the results that were read before the outage are too old to be told."""
    addresses = itertools.count(1)

    def read() -> int:
        number = next(addresses)
        return apart.http.send("GET", "/api/results", headers={"X-Forwarded-For": f"203.0.{number // 200}.{number % 200 + 1}"}).status

    eventually(read, lambda status: status != 200, within=HEAL_SECONDS)  # noqa: PLR2004 - an HTTP status


def _known_results(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    """Ask for results that the client has. Votes may be counted meanwhile, so it asks up to three times."""
    answer = _get("/api/results")(apart, client, more)
    for _ in range(3):
        if answer.status != 304:  # noqa: PLR2004 - an HTTP status
            answer = _get("/api/results")(apart, client, more | {"If-None-Match": answer.headers.get("etag", "")})
    return answer


def _outdated_results(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    _wait_until_outdated(apart)
    return _get("/api/results")(apart, client, more)


def _receipt(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    return _get(f"/api/votes/{uuid.uuid4()}")(apart, client, more)


def _outdated_stream(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    """Ask for live results, whose response does not end if they are served."""
    _wait_until_outdated(apart)
    address = urlsplit(apart.api.url)
    headers = list((client.headers | more).items())
    return Client(address.hostname or "", address.port or 80, "").send("GET", f"/api/results/stream?voter={client.mark}", headers)


def _gone(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    """Send a vote and reset the connection at once."""
    return _leave(apart, client, more, whole=True)


def _left(apart: Apart, client: MarkedClient, more: dict[str, str]) -> Answer:
    """Send half the body of a vote and close the connection."""
    return _leave(apart, client, more, whole=False)


def _leave(apart: Apart, client: MarkedClient, more: dict[str, str], *, whole: bool) -> Answer:
    body = msgspec.json.encode({"option": FIRST})
    lines = [f"{name}: {value}" for name, value in (client.headers | JSON | more).items()]
    parts = urlsplit(apart.api.url)
    head = [f"POST {client.path} HTTP/1.1", "Host: votecheck", f"Content-Length: {len(body)}", *lines, "", ""]
    ends = "the connection is reset at once" if whole else "the connection is closed after half the body"
    inputs.note(f"{inputs.request('POST', client.path, client.headers | JSON | more, body)}\n({ends})")
    with socket.create_connection((parts.hostname or "", parts.port or 80), SECONDS) as connection:
        if whole:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        connection.sendall("\r\n".join(head).encode() + (body if whole else body[: len(body) // 2]))
    return Answer(0, {}, b"", 0)


PATHS: dict[str, Path] = {
    "an accepted vote": vote,
    "a vote without a key": lambda apart, client, more: vote(apart, client, more, SECOND, key=False),
    "a repeated vote": _twice(FIRST),
    "a key used for another option": _twice(SECOND),
    "a vote that becomes a dead letter": lambda apart, client, more: vote(apart, client, more, UNKNOWN_TO_CONSUMER),
    "a vote that the database refuses": lambda apart, client, more: vote(apart, client, more, REFUSED_BY_DATABASE),
    "a client that is gone": _gone,
    LEFT: _left,
    "results": _get("/api/results"),
    "results that the client has": _known_results,
    "the page": _get("/"),
    "a vote by the form of the page": _form("same-origin"),
    "a form sent by another site": _form("cross-site"),
    "a large form": _form(more_bytes=protocol.BODY_LIMIT_BYTES),
    "a form of another type": _form(kind="text/plain"),
    "a form for an unknown option": _form(option="MARK"),
    "a malformed key": _post(b'{"option":"quokka"}', Idempotency_Key="MARK with a space"),
    "malformed HTTP": _malformed,
    "an unknown path": _post(b'{"option":"quokka"}', "/api/nowhere/quokka"),
    "a wrong method": lambda apart, client, more: apart.http.send("PUT", client.path, headers=client.headers | JSON | more),
    "a large body": _post(b'{"option":"quokka","MARK":"' + b"a" * protocol.BODY_LIMIT_BYTES + b'"}'),
    "a body of another type": _post(b"option=quokka&voter=MARK", Content_Type=FORM),
    "a compressed body": _post(b"MARK", Content_Encoding="gzip"),
    "an unknown option": _post(b'{"option":"MARK"}'),
    "a field too many": _post(b'{"option":"quokka","voter":"MARK"}'),
    "no JSON": _post(b"quokka MARK"),
    "too many requests": _too_many,
    "a vote that Redis refuses": vote,
    "a vote without a key that Redis refuses": lambda apart, client, more: vote(apart, client, more, key=False),
    "a vote for a Redis that is full": vote,
    "a vote for a Redis that is read-only": vote,
    "a vote without Redis": vote,
    "a vote for a broken stream": vote,
    "a vote without the database": vote,
    "results without the database": _outdated_results,
    "a receipt without the database": _receipt,
    "live results without the database": _outdated_stream,
}
REFUSALS = {
    "a vote that Redis refuses": (("ACL", "SETUSER", "default", "-xadd"), ("ACL", "SETUSER", "default", "+xadd")),
    "a vote without a key that Redis refuses": (("ACL", "SETUSER", "default", "-xadd"), ("ACL", "SETUSER", "default", "+xadd")),
    "a vote for a Redis that is full": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "a vote for a Redis that is read-only": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
}
"""Paths on which Redis responds and refuses: how it comes to refuse, and how it is put right."""
UNAVAILABLE = {
    "a vote without Redis": "redis",
    "a vote without the database": "database",
    "results without the database": "database",
    "a receipt without the database": "database",
    "live results without the database": "database",
}
"""Paths on which a server is stopped."""


def disruption(what: str, apart: Apart) -> AbstractContextManager[None]:
    """Break what a path needs broken, for the length of the block."""
    if what in UNAVAILABLE:
        return _stopped(getattr(apart.target, UNAVAILABLE[what]))
    if what in REFUSALS:
        return _changed(apart, *REFUSALS[what])
    if what == "a vote for a broken stream":
        return _broken_stream(apart)
    return nullcontext()


@contextlib.contextmanager
def _stopped(server: Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.restore()


def _run(apart: Apart, *words: str) -> object:
    with redis.Redis.from_url(apart.target.redis.url, socket_timeout=SECONDS) as client:
        return client.execute_command(*words)


@contextlib.contextmanager
def _changed(apart: Apart, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[None]:
    _run(apart, *before)
    try:
        yield
    finally:
        _run(apart, *after)


@contextlib.contextmanager
def _broken_stream(apart: Apart) -> Iterator[None]:
    """Put a text where the stream is, once everything in it is counted."""
    drained = eventually(lambda: _run(apart, "XLEN", protocol.STREAM), lambda length: length in (0, 1), within=HEAL_SECONDS)
    saved = _run(apart, "RENAMENX", protocol.STREAM, "votes:saved") if drained.value is not None else 0
    _run(apart, "SET", protocol.STREAM, "no stream")
    try:
        yield
    finally:
        _run(apart, "DEL", protocol.STREAM)
        if saved:
            _run(apart, "RENAME", "votes:saved", protocol.STREAM)
