"""Connection deadlines: drop slow clients.

uvicorn waits indefinitely for a request to complete and for a response to be read. A timer per request would cost a sixth of the time
of a vote, so one timer checks all connections every `CHECK_INTERVAL_SECONDS`.
"""

import asyncio
import math
import socket
import struct
from typing import ClassVar

from system.api.strict_http import Refused, StrictProtocol

CLIENT_DEADLINE_SECONDS = 9.0
"""Time for a request to arrive, from the connection or the request's first byte, and for a client to resume reading a response."""
STOPPING_SECONDS = 1.0
"""Time for the rest of a request to arrive once the server stops. Two seconds after that signal uvicorn cancels what still runs."""
CHECK_INTERVAL_SECONDS = 0.5
REQUEST_TIMEOUT = 408
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER value that resets the connection, so the kernel does not keep retrying for minutes to deliver an unread response."""


class DeadlineProtocol(StrictProtocol):
    """The protocol with deadlines for requests and responses."""

    _next_check: ClassVar[asyncio.TimerHandle | None] = None
    complete_by = math.inf
    read_by = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Set the deadline for the first request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # report unread responses from the first byte
        self.complete_by = self.loop.time() + CLIENT_DEADLINE_SECONDS
        if DeadlineProtocol._next_check is None:
            self._schedule_check()

    def data_received(self, data: bytes) -> None:
        """Set the deadline also for empty lines, which begin no request and end uvicorn's keep-alive timeout."""
        if self.complete_by == math.inf and (self.cycle is None or self.cycle.response_complete):
            self.complete_by = self.loop.time() + CLIENT_DEADLINE_SECONDS
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Set the deadline for the rest of the request."""
        super().on_message_begin()
        self.complete_by = self.loop.time() + CLIENT_DEADLINE_SECONDS

    def on_message_complete(self) -> None:
        """Clear the deadline. From here uvicorn's keep-alive timeout applies."""
        self.complete_by = math.inf
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Set the deadline for the client to resume reading."""
        self.read_by = self.loop.time() + CLIENT_DEADLINE_SECONDS
        super().pause_writing()

    def resume_writing(self) -> None:
        """Clear the deadline: the client reads again."""
        self.read_by = math.inf
        super().resume_writing()

    def shutdown(self) -> None:
        """Shorten the deadline of a request that is still arriving: cancelled by uvicorn, it would be answered with 500."""
        if self.complete_by < math.inf:
            self.complete_by = min(self.complete_by, self.loop.time() + STOPPING_SECONDS)
        super().shutdown()

    def drop(self) -> None:
        """Close an overdue connection, with 408 if part of a request has arrived."""
        incomplete = self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)  # endless headers
        unanswered = self.cycle is not None and self.cycle.scope is self.scope and not self.cycle.response_started
        if self.read_by < math.inf:  # a client that does not read would not read an error either
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.transport.abort()
        elif (incomplete or unanswered) and self.refusal is None:
            if unanswered:
                self.cycle.scope["refused"] = REQUEST_TIMEOUT  # type: ignore[typeddict-unknown-key] # a key of our own, for the log
                self.cycle.disconnected = True  # tell the application that the client is gone
                self.cycle.message_event.set()
            self.refuse(Refused(REQUEST_TIMEOUT, "Request Timeout"))
        else:
            self.transport.close()

    def _schedule_check(self) -> None:
        DeadlineProtocol._next_check = self.loop.call_later(CHECK_INTERVAL_SECONDS, self._drop_overdue)

    def _drop_overdue(self) -> None:
        """Drop every overdue connection, not only this one; schedule the next check while any connection is open."""
        DeadlineProtocol._next_check = None
        now = self.loop.time()
        for connection in list(self.connections):
            if isinstance(connection, DeadlineProtocol) and min(connection.complete_by, connection.read_by) <= now:
                connection.drop()
        if self.connections:
            self._schedule_check()
