"""Sample the parts of the system under load on one time line: stream, CPU time, memory."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil
from msgspec import structs

from validation.core import protocol
from validation.core.errors import HarnessError, NotProven, ProbeError
from validation.load.result import Sample
from validation.probes.running import host
from validation.probes.running.stream import StreamProbe

EVERY_SECONDS = 0.5


class Usage(NamedTuple):
    """The resource usage of a part.

    Attributes:
        at: time of the measurement, in epoch seconds.
        seconds: CPU time used so far.
        mib: memory in use, in MiB.
    """

    at: float
    seconds: float
    mib: float


Look = Callable[[], dict[str, Usage]]
"""A probe of all parts by name. Parts that cannot be read are left out."""


def parts_of(processes: Mapping[str, Callable[[], int]]) -> Look:
    """Return a probe of local processes, each including its descendants."""

    def look() -> dict[str, Usage]:
        found = {}
        for name, pid in processes.items():
            with suppress(psutil.Error, HarnessError, NotProven):  # the process was just killed, or is external
                first = psutil.Process(pid())
                every = [first, *first.children(recursive=True)]
                found[name] = Usage(time.time(), sum(map(_seconds, every)), sum(map(_resident, every)) / 2**20)
        return found

    return look


@dataclass
class Rates:
    """Cores in use between samples. A part without a new measurement keeps its last value."""

    _last: dict[str, Usage] = field(default_factory=dict)
    _cores: dict[str, float] = field(default_factory=dict)

    def after(self, seen: Mapping[str, Usage]) -> dict[str, float]:
        """Return the cores that each part used since its last measurement. A part seen for the first time has no value yet."""
        for name, now in seen.items():
            last = self._last.get(name)
            if last is None or now.at > last.at:
                self._cores.pop(name, None)
                # CPU time drops when a process is replaced. The usage in this interval is then unknown.
                if last and now.seconds >= last.seconds:
                    self._cores[name] = (now.seconds - last.seconds) / (now.at - last.at)
                self._last[name] = now
        return {name: cores for name, cores in self._cores.items() if name in seen}


@dataclass
class Sampler:
    """A thread that samples twice a second.

    Attributes:
        look: the probe of CPU time and memory.
        stream: the stream; None if it cannot be read.
        own: returns the CPU time of this run so far; None if it cannot be told apart from that of others on this machine.
        seen: the samples so far, with `at` in epoch seconds.
    """

    look: Look
    stream: StreamProbe | None
    own: Callable[[], float | None] = lambda: None
    seen: list[Sample] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Sample for the duration of the block."""
        thread = threading.Thread(target=self._look_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def since(self, begun: float) -> list[Sample]:
        """Return the samples since a moment, with `at` in seconds after it."""
        return [structs.replace(s, at=round(s.at - begun, 3)) for s in self.seen if s.at >= begun]

    def _look_on(self) -> None:
        rates = Rates()
        rates.after(self.look())
        before = host.look(self.own)
        while not self._ended.wait(EVERY_SECONDS):
            usage = self.look()
            cores = rates.after(usage)
            now = host.look(self.own)
            memory = {name: used.mib for name, used in usage.items()}
            self.seen.append(Sample(time.time(), *self._queue(), cores, memory, host.between(before, now)))
            before = now

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
