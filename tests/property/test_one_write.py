"""A response that is sent in one write has the bytes that uvicorn sends, and a response that uvicorn refuses is refused."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from system.api.one_write import OneWriteCycle

DATE = (b"date", b"Tue, 01 Dec 2026 00:00:00 GMT")
NAMES = [b"content-type", b"Content-Length", b"content-length", b"vary", b"Connection", b"transfer-encoding", b"a b"]
VALUES = [b"application/json", b"0", b"3", b"5", b"close", b"keep-alive", b"chunked", b"", b"a\r\nb: c", b"a\x00b", b"\xff"]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4)
LOGGER = logging.getLogger("test")


@dataclass
class Connection:
    """What leaves a connection, and how often a response on it was complete."""

    sent: list[bytes] = field(default_factory=list)
    closed: bool = False
    completed: int = 0
    write_paused = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def complete(self) -> None:
        self.completed += 1


def answered(cycle: type[RequestResponseCycle], messages: list[Any], method: str = "GET", *, keep_alive: bool = True) -> Connection | None:
    """Return the connection after a response; None if the response was refused."""
    connection: Any = Connection()

    async def send() -> None:
        under_test = cycle(
            scope={"method": method},  # type: ignore[typeddict-item] # all that is read
            transport=connection, flow=connection, logger=LOGGER, access_logger=LOGGER, access_log=False, default_headers=[DATE],
            message_event=asyncio.Event(), expect_100_continue=False, keep_alive=keep_alive, on_response=connection.complete,
        )  # fmt: skip
        for message in messages:
            await under_test.send(message)
        assert under_test.response_complete

    try:
        asyncio.run(send())
    except (RuntimeError, ValueError):
        return None
    return connection


def response(headers: list[tuple[bytes, bytes]], *bodies: bytes, status: int = 200) -> list[Any]:
    last = len(bodies) - 1
    start = {"type": "http.response.start", "status": status, "headers": headers}
    return [start, *({"type": "http.response.body", "body": body, "more_body": n < last} for n, body in enumerate(bodies))]


@given(st.data())
def test_the_bytes_are_those_of_uvicorn(data: st.DataObject) -> None:
    bodies = data.draw(st.lists(st.binary(max_size=5), min_size=1, max_size=3), "bodies")
    length = [(b"content-length", b"%d" % len(b"".join(bodies)))] * data.draw(st.booleans(), "of announced length")
    headers = data.draw(HEADERS, "headers") + length
    messages = response(headers, *bodies, status=data.draw(st.sampled_from([200, 201, 204, 304, 404, 503]), "status"))
    method, keep_alive = data.draw(st.sampled_from(["GET", "HEAD", "POST"]), "method"), data.draw(st.booleans(), "keep-alive")
    ours, theirs = (answered(one, messages, method, keep_alive=keep_alive) for one in (OneWriteCycle, RequestResponseCycle))
    if theirs is None:
        assert ours is None
    else:
        assert ours is not None
        assert (b"".join(ours.sent), ours.closed, ours.completed) == (b"".join(theirs.sent), theirs.closed, theirs.completed)


def test_a_whole_response_is_one_write() -> None:
    ours = answered(OneWriteCycle, response([(b"content-length", b"2")], b"{}"))
    assert ours is not None
    assert len(ours.sent) == 1
