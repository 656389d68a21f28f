"""What the parts of the system look like while they are under load, on one time line: queue, processor time, memory."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from validation import protocol
from validation.errors import HarnessError, NotProven, ProbeError
from validation.load.result import Sample
from validation.probes.stream import StreamProbe

EVERY_SECONDS = 0.5
Usage = tuple[float, float]
"""Seconds of processor time so far, and MiB of memory now."""


def parts_of(processes: Mapping[str, Callable[[], int]]) -> Callable[[], dict[str, Usage]]:
    """Make a look at parts, each with all processes below its own; a part that cannot be looked at is left out."""

    def look() -> dict[str, Usage]:
        found = {}
        for name, pid in processes.items():
            with suppress(psutil.Error, HarnessError, NotProven):  # it was killed a moment ago, or is somebody else's
                first = psutil.Process(pid())
                every = [first, *first.children(recursive=True)]
                found[name] = (sum(map(_seconds, every)), sum(map(_resident, every)) / 2**20)
        return found

    return look


@dataclass
class Sampler:
    """Looks twice a second, in a thread of its own.

    Attributes:
        look: the parts' processor time and memory.
        stream: the queue; None: there is none to be looked at.
        seen: the samples so far, `at` in seconds since the epoch.
    """

    look: Callable[[], dict[str, Usage]]
    stream: StreamProbe | None
    seen: list[Sample] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look for as long as the block lasts."""
        thread = threading.Thread(target=self._look_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def since(self, begun: float) -> list[Sample]:
        """Give the samples with `at` in seconds since a moment."""
        return [Sample(round(s.at - begun, 3), s.lag, s.pending, s.oldest, s.cpu, s.memory) for s in self.seen if s.at >= begun]

    def _look_on(self) -> None:
        before, was = self.look(), time.time()
        while not self._ended.wait(EVERY_SECONDS):
            usage, now = self.look(), time.time()
            # A part whose process was replaced has used less than before: then its share of this half second is not known.
            cpu = {n: (u[0] - before[n][0]) / (now - was) for n, u in usage.items() if n in before and u[0] >= before[n][0]}
            self.seen.append(Sample(now, *self._queue(), cpu, {n: u[1] for n, u in usage.items()}))
            before, was = usage, now

    def _queue(self) -> tuple[int | None, int | None, float | None]:
        if self.stream is None:
            return None, None, None
        try:
            group = self.stream.group(protocol.STREAM, protocol.GROUP)
            oldest = self.stream.oldest_uncounted(protocol.STREAM, protocol.GROUP) if group else None
        except ProbeError:
            return None, None, None
        if group is None:
            return None, None, None
        return group.lag, group.pending, 0.0 if oldest is None else max(0.0, time.time() - oldest)


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _resident(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.memory_info().rss)
    return 0.0
