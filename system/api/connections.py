"""Connections as the server sees them: whoever is too slow is dropped, and what the parser refuses is refused like all else.

uvicorn waits for ever for a request to become complete and for an answer to be read. A timer for each request would cost a sixth
of a vote; here one look a second at all connections does.
"""

import asyncio
import functools
import math
import socket
import struct
from typing import ClassVar

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from system.api.headers import security_headers
from system.api.responses import Problem
from system.settings import ApiSettings

PATIENCE_SECONDS = 9.0
"""For a request to arrive whole, counted from the connection or from the request's first byte; and for an answer to be read on."""
LOOK_SECONDS = 0.5
AT_ONCE = struct.pack("ii", 1, 0)
"""A reset, so that the kernel does not go on offering for minutes what the client would not read."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools, with an end to its patience."""

    _looking: ClassVar[asyncio.TimerHandle | None] = None
    whole_by = math.inf
    read_by = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a first request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # an answer that is left waiting is noticed at its first byte
        self.whole_by = self.loop.time() + PATIENCE_SECONDS
        if PatientProtocol._looking is None:
            self._look_later()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request."""
        super().on_message_begin()
        self.whole_by = self.loop.time() + PATIENCE_SECONDS

    def on_message_complete(self) -> None:
        """Wait for nothing: the next step is ours. Then uvicorn's own limit for idle connections counts."""
        self.whole_by = math.inf
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read on."""
        self.read_by = self.loop.time() + PATIENCE_SECONDS
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads."""
        self.read_by = math.inf
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the words of every other error."""
        self._refuse(400, msg.rstrip("."))

    def _refuse(self, status: int, detail: str) -> None:
        content = msgspec.json.encode(Problem(detail=detail))
        lines = [STATUS_LINE[status], *_headers(), b"content-length: %d\r\n\r\n" % len(content), content]
        self.transport.write(b"".join(lines))
        self.transport.close()

    def drop(self) -> None:
        """End a connection whose time is over, with 408 where something of a request has come."""
        begun = self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)  # headers that do not end
        unanswered = self.cycle is not None and not self.cycle.response_started
        if self.read_by < math.inf:  # whoever does not read would not read a refusal either
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.transport.abort()
        elif begun or unanswered:
            if unanswered:
                self.cycle.disconnected = True  # for the application the client is gone
                self.cycle.message_event.set()
            self._refuse(408, "Request Timeout")
        else:
            self.transport.close()

    def _look_later(self) -> None:
        PatientProtocol._looking = self.loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Drop every connection whose time is over, not only this one; look again as long as there are any."""
        PatientProtocol._looking = None
        now = self.loop.time()
        for connection in list(self.connections):
            if isinstance(connection, PatientProtocol) and min(connection.whole_by, connection.read_by) <= now:
                connection.drop()
        if self.connections:
            self._look_later()


@functools.cache
def _headers() -> tuple[bytes, ...]:
    secure = security_headers(https_only=ApiSettings.read().environment == "production")
    lines = [f"{name.lower()}: {value}\r\n".encode() for name, value in secure.headers.items()]
    return (*lines, b"content-type: application/json\r\n", b"vary: Origin\r\n", b"connection: close\r\n")
