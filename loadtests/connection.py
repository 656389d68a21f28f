"""HTTP client over one connection at a third of the cost of Locust's own: llhttp parses the response, and headers are discarded.

Load generator and system share a machine, so every microsecond spent here is missing there.
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
"""Lower statuses are interim responses, followed by another one."""
NO_RESPONSE = (OSError, HTTPParseError, Timeout)
"""Errors that mean there was no complete response."""


_poll = monkey.get_original("select", "poll")  # gevent's poll goes through its event loop; select is limited to 1024 connections


class _Response(HTTPResponseParser):
    def __init__(self) -> None:
        super().__init__()
        self.body = bytearray()
        self.complete = False

    def take(self, received: bytes) -> None:
        self.feed(received)
        if not received and not self.complete:
            raise ConnectionResetError("closed before the end of the response")

    def _on_nothing(self, _text: str = "") -> None: ...

    _on_status = _on_header_field = _on_header_value = _on_headers_complete = _on_message_begin = _on_nothing

    def _on_body(self, part: bytes) -> None:
        self.body += part

    def _on_message_complete(self) -> None:
        self.complete = self.get_code() >= FINAL


class Connection:
    """A connection to one server, opened on demand and kept alive as long as both sides permit.

    Args:
        url: the server, optionally with a path prefix for all requests.

    Raises:
        ValueError: the URL is not an http or https URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"Invalid URL {url}: it must start with http:// or https://")
        self._tls = parts.scheme == "https"
        self._server = (parts.hostname, parts.port or (443 if self._tls else 80))
        self._host, self._path = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
        self._socket: socket.socket | None = None
        self._readable = _poll()

    def head(self, method: str, path: str, *headers: str) -> bytes:
        """Return the first lines of a request, to be followed by more headers or an empty line."""
        lines = [f"{method} {self._path}{path} HTTP/1.1", f"Host: {self._host}", "User-Agent: votecheck-load", *headers, ""]
        return "\r\n".join(lines).encode("ascii")

    def exchange(self, request: bytes, within: float) -> tuple[int, bytes]:
        """Send a request once and read the complete response.

        Args:
            request: the bytes of the request.
            within: limit in seconds for the whole exchange, including connecting.

        Returns:
            The status and the body.

        Raises:
            NO_RESPONSE: one of these errors: no response, or an incomplete one.
        """
        try:
            with Timeout(within):
                opened = self._open()
                opened.sendall(request)
                response = _Response()
                while not response.complete:
                    response.take(opened.recv(READ_BYTES))
        except BaseException:
            self.close()
            raise
        if not response.should_keep_alive():
            self.close()
        return response.get_code(), bytes(response.body)

    def close(self) -> None:
        """Close the connection; the next request reopens it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        # An idle connection that is readable was closed by the server and would lose the request.
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
