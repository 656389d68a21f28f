"""Framing of HTTP/1.1: where a request ends, and where the head and the body of its response end."""

import re
from collections.abc import Iterator

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


class Requests:
    """The client's requests."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, list[bytes], bool]]:
        """Take bytes. Yield each complete request: its bytes, its method and target, and True, since every request is answered."""
        self._buffer += data
        while (head := _head(self._buffer)) and len(self._buffer) >= (end := len(head) + _length(head)):
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            yield whole, whole.split(b" ", 2)[:2], True


class Replies:
    """The server's responses. Head and body come apart, so that a response can be cut between them."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body = 0
        self._endless = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Take bytes. Yield each head and each body, and whether it completes a response. Of an event stream yield what arrives."""
        self._buffer += data
        while size := self._size():
            whole = bytes(self._buffer[:size])
            del self._buffer[:size]
            if self._endless:
                yield whole, False
            elif self._body:
                self._body = 0
                yield whole, True
            else:
                self._body, self._endless = _length(whole), CHUNKED.search(whole) is not None
                yield whole, not self._body

    def _size(self) -> int:
        """Return how much of the buffer is complete."""
        if self._endless:
            return len(self._buffer)
        if self._body:
            return self._body if len(self._buffer) >= self._body else 0
        return len(_head(self._buffer))


def _head(buffer: bytearray) -> bytes:
    end = buffer.find(HEAD_END)
    return b"" if end < 0 else bytes(buffer[: end + len(HEAD_END)])


def _length(head: bytes) -> int:
    found = LENGTH.search(head)
    return int(found[1]) if found else 0
