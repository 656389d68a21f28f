"""Open event streams: how soon a change reaches all of them, what each costs in memory, and readers that do not read."""

import asyncio
import resource
import time
import uuid
from statistics import quantiles

import asyncpg
import psutil
import uvloop

from tests.bench import parts
from tests.bench.parts import Figures, Wrong

STREAM = b"GET /api/results/stream HTTP/1.1\r\nHost: bench\r\n\r\n"
AT_ONCE = 200
SLOW_SHARE = 50
"""One reader of as many never reads: the others must not notice."""
ARRIVES_SECONDS, CHANGES = 60.0, 3
SPARE_DESCRIPTORS = 500


class Follower(asyncio.Protocol):
    """One open page: notes when each event with results arrives."""

    def __init__(self, *, reads: bool) -> None:
        self._reads = reads
        self.arrived: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(STREAM)  # type: ignore[attr-defined]
        if not self._reads:
            transport.pause_reading()  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.arrived += [time.perf_counter()] * data.count(b'"total_votes"')


def fan_out(env: dict[str, str], streams: int) -> Figures:
    """Measure one API process with as many open event streams, or fewer if this machine forbids so many descriptors."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the API inherits it
    with parts.api(env) as port:
        [process] = [child for child in psutil.Process().children() if "system.api" in child.cmdline()]
        return uvloop.run(_measure(env["DATABASE_URL"], port, min(streams, most - SPARE_DESCRIPTORS), process))


async def _measure(database_url: str, port: int, streams: int, process: psutil.Process) -> Figures:
    loop = asyncio.get_running_loop()
    before = process.memory_info().rss
    followers = [Follower(reads=number % SLOW_SHARE != 0) for number in range(streams)]
    for first in range(0, streams, AT_ONCE):
        await asyncio.gather(
            *(loop.create_connection(lambda one=one: one, "127.0.0.1", port) for one in followers[first : first + AT_ONCE])
        )
    reading = [one for number, one in enumerate(followers) if number % SLOW_SHARE]
    await _until(reading, 1)
    each = (process.memory_info().rss - before) / streams / 1024
    spread: list[float] = []
    connection = await asyncpg.connect(database_url)
    try:
        for change in range(1, CHANGES + 1):
            await connection.execute("select increment_votes($1::uuid[], '{cats}', '{1-1}')", [uuid.uuid4()])
            await _until(reading, change + 1)
            began = min(one.arrived[change] for one in reading)
            spread += [one.arrived[change] - began for one in reading]
    finally:
        await connection.close()
    for one in followers:
        one.transport.abort()  # type: ignore[attr-defined]
    return {
        "open event streams": float(streams),
        "event streams: KiB of memory each": each,
        "event streams: p99 ms until all have a change": quantiles(spread, n=100)[98] * 1000,
    }


async def _until(followers: list[Follower], events: int) -> None:
    end = time.monotonic() + ARRIVES_SECONDS
    while missing := sum(len(one.arrived) < events for one in followers):
        if time.monotonic() > end:
            raise Wrong(f"{missing} of {len(followers)} event streams did not get event {events}")
        await asyncio.sleep(0.02)
