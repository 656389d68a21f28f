"""The end of a command or a reply does not depend on how TCP splits its bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.faults.proxy import http1, pgwire, resp

words = st.lists(st.binary(max_size=30), min_size=1, max_size=5)
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=30)
replies = st.recursive(
    st.sampled_from(
        [b"+OK\r\n", b":7\r\n", b"_\r\n", b"$-1\r\n", b"*-1\r\n", b"#t\r\n", b",1.5\r\n", b"(99\r\n", b"-ERR no\r\n", b"!5\r\nE x y\r\n"]
    )
    | st.binary(max_size=20).map(lambda b: b"$%d\r\n%s\r\n" % (len(b), b)),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda v: b"*%d\r\n%s" % (len(v), b"".join(v)))
        | st.lists(st.tuples(inner, inner), max_size=3).map(lambda v: b"%%%d\r\n%s" % (len(v), b"".join(a + b for a, b in v)))
    ),
    max_leaves=8,
)


def in_pieces(frames: Any, data: bytes, sizes: list[int]) -> list[Any]:
    found, position, turn = [], 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        found += list(frames.feed(data[position : position + size]))
        position, turn = position + size, turn + 1
    return found


def command(parts: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


@given(st.lists(words, max_size=6), cuts)
def test_commands(commands: list[list[bytes]], sizes: list[int]) -> None:
    data = b"".join(map(command, commands))
    assert in_pieces(resp.Requests(), data, sizes) == [(command(parts), parts, True) for parts in commands]


@given(st.lists(replies, max_size=6), cuts)
def test_replies(values: list[bytes], sizes: list[int]) -> None:
    assert in_pieces(resp.Replies(), b"".join(values), sizes) == [(value, True) for value in values]


def test_a_push_is_not_a_reply() -> None:
    assert list(resp.Replies().feed(b">2\r\n+invalidate\r\n*0\r\n+OK\r\n")) == [(b">2\r\n+invalidate\r\n*0\r\n", False), (b"+OK\r\n", True)]


def test_an_attribute_belongs_to_the_value_after_it() -> None:
    assert list(resp.Replies().feed(b"|1\r\n+ttl\r\n:9\r\n+OK\r\n:1\r\n")) == [(b"|1\r\n+ttl\r\n:9\r\n+OK\r\n", True), (b":1\r\n", True)]


def test_a_long_value_is_a_single_value() -> None:
    value = b"$%d\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))
    assert in_pieces(resp.Replies(), value, [65_536]) == [(value, True)]


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_conversation_with_postgresql(size: int) -> None:
    ssl, start = message(b"", (80877103).to_bytes(4)), message(b"", b"\0\3\0\0user\0x\0\0")
    prepare = message(b"P", b"s1\0select 1\0\0\0") + message(b"D", b"Ss1\0") + message(b"S", b"")
    execute = message(b"B", b"\0s1\0\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0") + message(b"S", b"")
    sent = in_pieces(pgwire.Requests(), ssl + start + prepare + execute + message(b"X", b""), [size])
    assert [w for _, w, _ in sent] == [[b"ssl"], [b"connect"], [b"prepare", b"select 1"], [b"execute", b"select 1"], [b"terminate"]]
    assert b"".join(whole for whole, _, _ in sent) == ssl + start + prepare + execute + message(b"X", b"")

    ready, start, note = message(b"Z", b"I"), message(b"R", b"\0\0\0\0") + message(b"S", b"a\0b\0"), message(b"N", b"note\0")
    answers = in_pieces(pgwire.Replies(), b"N" + start + ready + note + ready, [size])
    assert [(whole[:1], answered) for whole, answered in answers] == [
        (b"N", True), (b"R", False), (b"S", False), (b"Z", True), (b"N", False), (b"Z", True)
    ]  # fmt: skip


def test_a_flush_is_not_answered() -> None:
    start = message(b"", b"\0\3\0\0user\0x\0\0")
    flushed = message(b"P", b"s1\0select 1\0\0\0") + message(b"H", b"")
    assert [answered for _, _, answered in pgwire.Requests().feed(start + flushed)] == [True, False]


heads = st.sampled_from(["GET /static/app.js", "POST /api/vote", "HEAD /"])
bodies = st.binary(max_size=50)


@given(st.lists(st.tuples(heads, bodies), max_size=5), cuts)
def test_http_requests(sent: list[tuple[str, bytes]], sizes: list[int]) -> None:
    requests = [f"{line} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for line, body in sent]
    expected = [(whole, line.encode().split(b" "), True) for whole, (line, _) in zip(requests, sent, strict=True)]
    assert in_pieces(http1.Requests(), b"".join(requests), sizes) == expected


@given(st.lists(bodies, max_size=5), cuts)
def test_http_responses_come_in_head_and_body(sent: list[bytes], sizes: list[int]) -> None:
    answers = [(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode(), body) for body in sent]
    expected = [part for head, body in answers for part in ((head, not body), (body, True)) if part[0]]
    assert in_pieces(http1.Replies(), b"".join(head + body for head, body in answers), sizes) == expected


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), cuts)
def test_an_event_stream_is_forwarded_as_it_arrives(events: list[bytes], sizes: list[int]) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    found = in_pieces(http1.Replies(), head + b"".join(events), sizes)
    assert found[0] == (head, True)
    assert b"".join(part for part, _ in found[1:]) == b"".join(events)
    assert not any(complete for _, complete in found[1:])
