"""This machine while something runs: who uses its processors, how long work waits for them, and whether others saturate it.

All counters of the kernel only grow, so that two looks tell what happened between them. Pressure (PSI) and steal may be missing.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

from validation.core import environment
from validation.core.settings import RunSettings

BUSY_SHARE = 0.9
"""Above this share of its processors a machine has none left for work that becomes ready."""
OTHERS_SHARE = 0.25
"""Without others that use this share, a quarter of the machine would have been idle, however busy the system under test was."""
RESOURCES = ("cpu", "io", "memory")
PRESSURE = Path("/proc/pressure")
FRESH_SECONDS = 0.5
KINDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""What the time of a processor is made of. User time contains that of virtual machines."""


class Use(msgspec.Struct, frozen=True):
    """What this machine did in a window of time. Shares are of the processors that this process may use.

    Attributes:
        seconds: length of the window.
        busy: share in use, by anybody, including what a hypervisor took away.
        own: share used by this run: the harness and everything that it started; None if it cannot be told apart from others.
        steal: share that a hypervisor took away.
        pressure: share of the time in which some work waited, by resource: `cpu`, `io`, `memory`; empty if the kernel does not tell.
        load: load average of the last minute at the end of the window; None if the system has none.
    """

    seconds: float
    busy: float
    own: float | None
    steal: float
    pressure: dict[str, float]
    load: float | None

    @property
    def others(self) -> float | None:
        """The share used by others, including steal; None if they cannot be told apart from this run."""
        return None if self.own is None else max(0.0, self.busy - self.own)

    @property
    def saturated_by_others(self) -> bool:
        """Whether others left too little of this machine to the system under test. Unknown is no."""
        return self.others is not None and self.busy >= BUSY_SHARE and self.others >= OTHERS_SHARE

    def __str__(self) -> str:
        """Return one line for people."""
        whose = (
            "what this run used cannot be told apart"
            if self.own is None
            else f"{self.own:.0%} by this run, {self.others:.0%} by others (steal {self.steal:.0%})"
        )
        waits = ", ".join(f"{name} {self.pressure[name]:.0%}" for name in RESOURCES if name in self.pressure)
        load = "not available" if self.load is None else f"{self.load:.1f}"
        return f"{self.busy:.0%} busy: {whose}; pressure (PSI): {waits or 'not available'}; load average {load}"


class Look(msgspec.Struct, frozen=True):
    """The counters at one moment, in seconds: of the processors, of this run and of pressure."""

    at: float
    total: float
    idle: float
    steal: float
    own: float | None
    pressure: dict[str, float]


def look(own: Callable[[], float | None]) -> Look:
    """Read the counters.

    Args:
        own: returns the CPU time of this run so far, in seconds; None if it cannot be told apart from that of others.
    """
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    every = [times for number, times in enumerate(psutil.cpu_times(percpu=True)) if number in usable]

    def spent(*kinds: str) -> float:
        return sum(getattr(times, kind, 0.0) for times in every for kind in kinds)

    return Look(time.monotonic(), spent(*KINDS), spent("idle", "iowait"), spent("steal"), own(), dict(_pressure()))


def between(first: Look, last: Look) -> Use | None:
    """Return what the machine did between two looks; None if they are too close to tell."""
    total, seconds = last.total - first.total, last.at - first.at
    if total <= 0 or seconds <= 0:
        return None
    own = None if first.own is None or last.own is None else min(1.0, max(0.0, (last.own - first.own) / total))
    waited = {name: min(1.0, (last.pressure[name] - first.pressure[name]) / seconds) for name in last.pressure if name in first.pressure}
    load = None
    with suppress(OSError, AttributeError):
        load = os.getloadavg()[0]
    busy = min(1.0, max(0.0, 1 - (last.idle - first.idle) / total))
    return Use(seconds, busy, own, (last.steal - first.steal) / total, waited, load)


def average(uses: Sequence[Use]) -> Use | None:
    """Return what the machine did in several windows together; None without any. The load average is the last one."""
    if not uses:
        return None
    whole = sum(one.seconds for one in uses)

    def mean(of: Callable[[Use], float]) -> float:
        return sum(of(one) * one.seconds for one in uses) / whole

    own = None if any(one.own is None for one in uses) else mean(lambda one: one.own or 0.0)
    shared = set.intersection(*(set(one.pressure) for one in uses))
    pressure = {name: mean(lambda one, name=name: one.pressure[name]) for name in RESOURCES if name in shared}  # type: ignore[misc]
    return Use(whole, mean(lambda one: one.busy), own, mean(lambda one: one.steal), pressure, uses[-1].load)


def tree_seconds() -> float:
    """Return the CPU time so far of this harness and everything that it started, also of what has ended since, in seconds.

    Proofs of several seeded defects run at the same time. They are not others to one another, so their common parent counts.
    """
    root = int(os.environ.get(environment.PARENT) or os.getpid())
    used = 0.0
    with suppress(psutil.Error):
        first = psutil.Process(root)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                times = process.cpu_times()
                used += times.user + times.system + times.children_user + times.children_system
    return used


def can_tell_own(settings: RunSettings) -> bool:
    """Return whether everything that the system under test uses is in the process tree of this harness."""
    return settings.target == "local" and not (settings.api_url or settings.redis_url or settings.database_url)


class Watch:
    """Tells whether others saturated this machine since a scenario began. A look that is just a moment old is used again.

    Args:
        settings: the settings of the run.
    """

    def __init__(self, settings: RunSettings) -> None:
        self._own = tree_seconds if can_tell_own(settings) else lambda: None
        self._last = look(self._own)

    def since_now(self) -> Callable[[], str]:
        """Begin a window, and return a function that describes the machine in it if others saturated it, else an empty text."""
        if time.monotonic() - self._last.at > FRESH_SECONDS:
            self._last = look(self._own)
        first = self._last

        def described() -> str:
            use = between(first, look(self._own))
            return str(use) if use and use.saturated_by_others else ""

        return described


def _pressure() -> Iterable[tuple[str, float]]:
    for name in RESOURCES:
        with suppress(OSError, ValueError, StopIteration):  # an older kernel, one without PSI, or a container that hides it
            some = next(line for line in (PRESSURE / name).read_text(encoding="ascii").splitlines() if line.startswith("some "))
            yield name, float(some.rpartition("total=")[2]) / 1e6
