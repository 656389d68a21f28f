"""A closed-loop load generator: each connection sends a request, waits for the response, and sends the next."""

import asyncio
import time
from dataclasses import dataclass

import psutil
import uvloop

CONNECTIONS = 64
WARM_UP_SECONDS = 0.5
SATURATED = 0.9
VOTE = b"POST /api/vote HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" + b'{"option":"cats"}'
RESULTS = b"GET /api/results HTTP/1.1\r\nHost: bench\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """Responses per second, latencies in ms, good and bad responses, and whether the generator was the bottleneck."""

    rate: float
    p50: float
    p99: float
    good: int
    bad: int
    generator_was_the_limit: bool


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, expected: bytes, took: list[float], bad: list[bytes]) -> None:
        self._request, self._expected, self._took, self._bad = request, expected, took, bad
        self._began = 0.0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._received = b""
        self._began = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not found or len(body) < int(length or 0):
            return
        if self._received.startswith(self._expected):
            self._took.append(time.perf_counter() - self._began)
        else:
            self._bad.append(self._received[:100])
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc:
            self._bad.append(repr(exc).encode())


def load(port: int, request: bytes, status: int, seconds: float) -> Load:
    """Send a request repeatedly and measure the responses."""
    return uvloop.run(_load(port, request, b"HTTP/1.1 %d" % status, seconds))


async def _load(port: int, request: bytes, expected: bytes, seconds: float) -> Load:
    took: list[float] = []
    bad: list[bytes] = []
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(lambda: Client(request, expected, took, bad), "127.0.0.1", port))[0] for _ in range(CONNECTIONS)]
    await asyncio.sleep(WARM_UP_SECONDS)
    warmed, me = len(took), psutil.Process()
    before, began = me.cpu_times(), time.perf_counter()
    await asyncio.sleep(seconds)
    lasted, after = time.perf_counter() - began, me.cpu_times()
    window = sorted(took[warmed:])
    for transport in made:
        transport.abort()
    busy = (after.user + after.system - before.user - before.system) / lasted
    if not window:
        return Load(0.0, 0.0, 0.0, len(took), max(len(bad), 1), generator_was_the_limit=False)
    p50, p99 = (1000 * window[int(len(window) * share)] for share in (0.5, 0.99))
    return Load(len(window) / lasted, p50, p99, len(took), len(bad), busy > SATURATED)
