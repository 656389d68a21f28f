"""HTTP over one connection, at a third of what Locust's own client costs: llhttp reads the answer, and its headers are not kept.

The load shares its machine with what it loads, so that each microsecond here is missing there.
"""

import select
import socket
import ssl
from functools import cache
from urllib.parse import urlsplit

from gevent import Timeout, monkey  # type: ignore[import-untyped] # it ships no types
from geventhttpclient._parser import HTTPParseError, HTTPResponseParser

READ_BYTES = 1 << 14
FINAL = 200
"""Answers below are interim ones, and another one follows."""
NO_ANSWER = (OSError, HTTPParseError, Timeout)
"""Why there may be no answer."""


_poll = monkey.get_original("select", "poll")  # gevent's own would go through its event loop, and select ends at 1024 connections


class _Answer(HTTPResponseParser):
    def __init__(self) -> None:
        super().__init__()
        self.body = bytearray()
        self.whole = False

    def take(self, received: bytes) -> None:
        self.feed(received)
        if not received and not self.whole:
            raise ConnectionResetError("closed before the end of the answer")

    def _on_nothing(self, _text: str = "") -> None: ...

    _on_status = _on_header_field = _on_header_value = _on_headers_complete = _on_message_begin = _on_nothing

    def _on_body(self, part: bytes) -> None:
        self.body += part

    def _on_message_complete(self) -> None:
        self.whole = self.get_code() >= FINAL


class Connection:
    """A connection to one server, made when it is needed, and kept for as long as both sides keep it.

    Args:
        url: the server, with a path that all its paths begin with, if any.

    Raises:
        ValueError: it is no http or https address.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url} is no address; it must begin with http:// or https://")
        self._tls = parts.scheme == "https"
        self._server = (parts.hostname, parts.port or (443 if self._tls else 80))
        self._host, self._path = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
        self._socket: socket.socket | None = None
        self._readable = _poll()

    def head(self, method: str, path: str, *headers: str) -> bytes:
        """Make the first lines of a request, to be followed by more headers or an empty line."""
        lines = [f"{method} {self._path}{path} HTTP/1.1", f"Host: {self._host}", "User-Agent: votecheck-load", *headers, ""]
        return "\r\n".join(lines).encode("ascii")

    def exchange(self, request: bytes, within: float) -> tuple[int, bytes]:
        """Send a request, once, and read its whole answer.

        Args:
            request: all of its bytes.
            within: seconds for all of it, connecting included.

        Returns:
            The status and the body.

        Raises:
            NO_ANSWER: one of these: there was none, or not all of it.
        """
        try:
            with Timeout(within):
                used = self._open()
                used.sendall(request)
                answer = _Answer()
                while not answer.whole:
                    answer.take(used.recv(READ_BYTES))
        except BaseException:
            self.close()
            raise
        if not answer.should_keep_alive():
            self.close()
        return answer.get_code(), bytes(answer.body)

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        # An idle connection that can be read was closed by the other side: it would take the request and lose it.
        if self._socket is not None and self._readable.poll(0):
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection(self._server)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                self._socket = _context().wrap_socket(self._socket, server_hostname=self._server[0])
            self._readable = _poll()
            self._readable.register(self._socket, select.POLLIN)
        return self._socket


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
