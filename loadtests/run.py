"""One run in this process: its records, its schedules and its statistics."""

import gc
import math
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import gevent  # type: ignore[import-untyped] # it ships no types

from loadtests import generator_stats, records
from loadtests.schedule import Schedule

TICK_SECONDS, WRITE_SECONDS = 0.05, 1.0


class Run:
    """One run, from construction to `end`.

    Args:
        rate: requests per second of each user.
        folder: folder for the records; None records nothing.
        began: start of the schedule, in seconds since the epoch.
        ends: end of the schedule, if known.

    Attributes:
        ends: end of the schedule; requests due later are not sent.
        process: name of this process, unique across runs.
        numbers: iterator of vote numbers.
    """

    def __init__(self, rate: float, folder: Path | None, began: float, ends: float = math.inf) -> None:
        self.rate, self.began, self.ends = rate, began, ends
        self.numbers = count()
        self._schedules: set[Schedule] = set()
        self._planned = 0
        self._open = ExitStack()
        if folder is None:
            self.process, self._records = records.new_process(), None
            return
        self._records = self._open.enter_context(records.Writer(folder))
        self.process = self._records.process
        self._stats = self._open.enter_context(generator_stats.Writer(folder, self.process, self.began))
        self._written, self._used, self._late = time.time(), time.process_time(), 0.0
        gc.collect()
        gc.freeze()  # existing objects live as long as the run; scanning them repeatedly delays requests by tens of milliseconds
        self._monitor = gevent.spawn(self._monitor_process)

    def join(self) -> Schedule:
        """Return the schedule of a new user."""
        schedule = Schedule(self.rate, time.time())
        self._schedules.add(schedule)
        return schedule

    def leave(self, schedule: Schedule, at: float) -> None:
        """Count the requests planned for a user until it was stopped at `at` or the run ended."""
        if schedule in self._schedules:
            self._schedules.remove(schedule)
            self._planned += schedule.planned(min(at, self.ends))

    def record(self, line: records.Line) -> None:
        """Record a request."""
        if self._records:
            self._records.write(line)

    def stop(self) -> None:
        """Stop planning requests."""
        self.ends = min(self.ends, time.time())

    def end(self) -> None:
        """Write the remaining statistics and close the files. Further calls do nothing."""
        if self._records:
            self._records = None
            self._monitor.kill()
            self._stats.write(None, self._planned)
        self._open.close()

    def _monitor_process(self) -> None:
        due = time.time()
        while self._records:
            due += TICK_SECONDS
            gevent.sleep(max(0.0, due - time.time()))
            now = time.time()
            if due <= self.ends:
                self._late = max(self._late, now - due)
            due = max(due, now - TICK_SECONDS)  # report a stall only once
            if now - self._written >= WRITE_SECONDS:
                self._records.flush()
                self._write_second(now)

    def _write_second(self, now: float) -> None:
        used = time.process_time()
        cpu = (used - self._used) / (now - self._written)
        planned = self._planned + sum(schedule.planned(min(now, self.ends)) for schedule in self._schedules)
        self._stats.write(generator_stats.Second(now - self.began, cpu, self._late * 1000), planned)
        self._written, self._used, self._late = now, used, 0.0
