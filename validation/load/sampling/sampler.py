"""What the parts of the system look like while they are under load, on one time line: queue, processor time, memory."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from validation.core import protocol
from validation.core.errors import HarnessError, NotProven, ProbeError
from validation.load.result import Sample
from validation.probes.running.stream import StreamProbe

EVERY_SECONDS = 0.5


class Usage(NamedTuple):
    """What a part has used.

    Attributes:
        at: when that was so, in seconds since the epoch.
        seconds: of processor time so far.
        mib: of memory then.
    """

    at: float
    seconds: float
    mib: float


Look = Callable[[], dict[str, Usage]]
"""A look at all parts, by name; those that cannot be looked at are left out."""


def parts_of(processes: Mapping[str, Callable[[], int]]) -> Look:
    """Make a look at processes of this machine, each with all those below it."""

    def look() -> dict[str, Usage]:
        found = {}
        for name, pid in processes.items():
            with suppress(psutil.Error, HarnessError, NotProven):  # it was killed a moment ago, or is somebody else's
                first = psutil.Process(pid())
                every = [first, *first.children(recursive=True)]
                found[name] = Usage(time.time(), sum(map(_seconds, every)), sum(map(_resident, every)) / 2**20)
        return found

    return look


@dataclass
class Rates:
    """Cores in use, from one look to the next: a part that was not looked at anew is taken for as busy as it was."""

    _last: dict[str, Usage] = field(default_factory=dict)
    _cores: dict[str, float] = field(default_factory=dict)

    def after(self, seen: Mapping[str, Usage]) -> dict[str, float]:
        """Give the cores that each part used since it was last looked at; what was seen for the first time has none yet."""
        for name, now in seen.items():
            last = self._last.get(name)
            if last is None or now.at > last.at:
                self._cores.pop(name, None)
                # A part whose process was replaced has used less than before: then its share of this time is not known.
                if last and now.seconds >= last.seconds:
                    self._cores[name] = (now.seconds - last.seconds) / (now.at - last.at)
                self._last[name] = now
        return {name: cores for name, cores in self._cores.items() if name in seen}


@dataclass
class Sampler:
    """Looks twice a second, in a thread of its own.

    Attributes:
        look: the parts' processor time and memory.
        stream: the queue; None: there is none to be looked at.
        seen: the samples so far, `at` in seconds since the epoch.
    """

    look: Look
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
        rates = Rates()
        rates.after(self.look())
        while not self._ended.wait(EVERY_SECONDS):
            usage = self.look()
            cores = rates.after(usage)
            self.seen.append(Sample(time.time(), *self._queue(), cores, {name: used.mib for name, used in usage.items()}))

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
