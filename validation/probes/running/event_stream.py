"""Follow a stream of server-sent events, as a browser does that stays on the page."""

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from validation.core import inputs
from validation.probes.running.http import decoded

CONNECT_SECONDS, SILENT_SECONDS = 5.0, 60.0
JOIN_SECONDS = 5.0
OUTAGE_EVENT = "unavailable"
OTHER_EVENTS = frozenset({OUTAGE_EVENT, "unchanged"})


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event.

    Attributes:
        identifier: its id; empty without one.
        data: its decoded JSON; None if it is not JSON.
        resumed: whether it is the first after an event about an outage.
        kind: `message`, unless the event says otherwise.
        fields: all of its fields, as text.
        arrived: monotonic seconds.
        wall: epoch seconds.
    """

    identifier: str
    data: Any
    resumed: bool = False
    kind: str = "message"
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)
    arrived: float = field(default=0.0, compare=False)
    wall: float = field(default=0.0, compare=False)


@dataclass
class EventStream:
    """A client that reads events in a thread of its own until the server ends the stream or `close` is called.

    Attributes:
        url: the stream.
        headers: headers of the request.
        address: the address of this machine that the client connects from; empty: any.
        status: the status of the response; 0 before it arrived.
        response_headers: the headers of the response, by lower-case name.
        everything: the events so far, of every kind.
        ended: whether the stream is over.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    status: int = 0
    response_headers: Mapping[str, str] = field(default_factory=dict)
    everything: list[ServerEvent] = field(default_factory=list)
    ended: bool = False
    _answered: threading.Event = field(default_factory=threading.Event)
    _socket: socket.socket | None = None
    _thread: threading.Thread | None = None

    @property
    def results(self) -> list[ServerEvent]:
        """The events so far, without those about an outage and those that say that nothing has changed."""
        return [event for event in self.everything if event.kind not in OTHER_EVENTS]

    @property
    def events(self) -> list[ServerEvent]:
        """The events with results so far."""
        return [event for event in self.results if event.data is not None]

    def start(self) -> None:
        """Connect and begin to read."""
        inputs.note(inputs.request("GET", self.url, self.headers, b""))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for_response(self) -> None:
        """Wait until the response has begun, or none will come."""
        self._answered.wait(SILENT_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread:
            self._thread.join(JOIN_SECONDS)

    def _read(self) -> None:
        timeout = httpx.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS)
        transport = httpx.HTTPTransport(local_address=self.address or None)
        try:
            with (
                httpx.Client(timeout=timeout, trust_env=False, transport=transport) as client,
                client.stream("GET", self.url, headers=dict(self.headers)) as response,
            ):
                self._socket = response.extensions["network_stream"].get_extra_info("socket")
                self.status, self.response_headers = response.status_code, dict(response.headers)
                self._answered.set()
                if response.status_code == httpx.codes.OK:
                    self._parse(response)
        except (httpx.HTTPError, OSError):
            pass  # the step that waits for an event reports what did not arrive
        finally:
            self.ended = True
            self._answered.set()

    def _parse(self, response: httpx.Response) -> None:
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            elif not line and fields:
                self._add(fields)
                fields = {}

    def _add(self, fields: Mapping[str, str]) -> None:
        data = decoded(fields.get("data", ""))
        resumed = bool(self.everything) and self.everything[-1].kind == OUTAGE_EVENT
        kind = fields.get("event", "message")
        event = ServerEvent(fields.get("id", ""), data, resumed and kind != OUTAGE_EVENT, kind, fields, time.monotonic(), time.time())
        self.everything = [*self.everything, event]
