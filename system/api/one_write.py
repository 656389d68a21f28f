"""Sends a whole response in one write.

uvicorn writes its head and its body apart, and checks every header of every response anew. Together that takes a quarter of the time of a
vote.
"""

import functools

from uvicorn._types import ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

KNOWN_LINES = 256
"""How many headers are remembered. Some thirty are the same in all responses; the others are new each time and soon forgotten."""


class OneWriteCycle(RequestResponseCycle):
    """A request and its response. The head waits for the body, and both leave together if that is all.

    What is sent is what uvicorn sends, byte for byte: everything but a complete body of announced length is left to it.
    """

    _start: HTTPResponseStartEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message of the application."""
        if message["type"] == "http.response.start" and self._start is None and not self.response_started:
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            if message["type"] == "http.response.body" and not message.get("more_body", False) and self._is_plain(start):
                await self._send_whole(start, message.get("body", b""))
                return
            await super().send(start)
        await super().send(message)

    def _is_plain(self, start: HTTPResponseStartEvent) -> bool:
        names = [name.lower() for name, _ in start.get("headers", ())]
        usual = names.count(b"content-length") == 1 and b"connection" not in names and b"transfer-encoding" not in names
        return usual and self.keep_alive and self.scope["method"] != "HEAD"

    async def _send_whole(self, start: HTTPResponseStartEvent, body: bytes) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        lines = [_line(name, value) for name, value in (*self.default_headers, *start.get("headers", ()))]
        if b"content-length: %d\r\n" % len(body) not in lines:
            raise RuntimeError("The Content-Length of a response is not that of its body")
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(b"".join((STATUS_LINE[start["status"]], *lines, b"\r\n", body)))
        self.message_event.set()
        self.on_response()


@functools.lru_cache(KNOWN_LINES)
def _line(name: bytes, value: bytes) -> bytes:
    """Return a header as it is sent.

    Raises:
        RuntimeError: it contains a character that would end it or the head.
    """
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError("Invalid HTTP header.")
    return b"%s: %s\r\n" % (name.lower(), value)
