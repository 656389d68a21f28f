"""Many open event streams of one API, some of which are not read."""

import select
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from features.support.pipelining import slow_reader
from validation.core import inputs
from validation.core.collections import every

STREAM = b"GET /api/results/stream HTTP/1.1\r\nHost: votecheck\r\n\r\n"
RESULTS = b'"total_votes"'
"""Once in each event with results, behind their numbers."""
PIECE_BYTES, POLL_MILLISECONDS, CONNECT_SECONDS = 1 << 20, 100, 10.0


@dataclass
class Follower:
    """One client.

    Attributes:
        reads: whether it reads what arrives.
        arrived: when each event with results was there, in monotonic seconds.
        dropped: when the server ended the connection; None: it is open.
    """

    connection: socket.socket
    reads: bool
    arrived: list[float] = field(default_factory=list)
    dropped: float | None = None
    _tail: bytes = b""

    def take(self) -> None:
        """Read what is there."""
        piece = self.connection.recv(PIECE_BYTES)
        text = self._tail + piece
        self.arrived += [time.monotonic()] * text.count(RESULTS)
        self._tail = text[-len(RESULTS) + 1 :]
        if not piece:
            self.dropped = time.monotonic()


class Followers:
    """Clients of the event stream, read by a thread of their own."""

    def __init__(self) -> None:
        self.all: dict[int, Follower] = {}
        self._poll, self._ends = select.poll(), threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    @property
    def reading(self) -> list[Follower]:
        """Those that read."""
        return [one for one in self.all.values() if one.reads]

    @property
    def not_reading(self) -> list[Follower]:
        """Those that do not."""
        return [one for one in self.all.values() if not one.reads]

    def open(self, url: str, count: int, *, reads: bool) -> None:
        """Open event streams."""
        inputs.note(f"{count} event streams of {url}, {'read' if reads else 'not read'}")
        address = urlsplit(url)
        where = address.hostname or "", address.port or 80
        for _ in range(count):
            connection = socket.create_connection(where, CONNECT_SECONDS) if reads else slow_reader(url, CONNECT_SECONDS)
            connection.sendall(STREAM)
            self.all[connection.fileno()] = Follower(connection, reads)
            self._poll.register(connection, select.POLLIN if reads else 0)  # an error is reported in any case

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Close every connection."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()
        for one in self.all.values():
            one.connection.close()

    def has_all(self, events: int) -> bool:
        """Return whether each client that reads has so many events with results."""
        return every(len(one.arrived) >= events for one in self.reading)

    def _follow(self) -> None:
        while not self._ends.is_set():
            for number, event in self._poll.poll(POLL_MILLISECONDS):
                one = self.all[number]
                if event & select.POLLIN and one.reads:
                    one.take()
                elif event & (select.POLLERR | select.POLLHUP):
                    one.dropped = time.monotonic()
                if one.dropped is not None:
                    self._poll.unregister(number)
