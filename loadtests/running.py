"""A run as this process sees it: its records, its plan, and how busy it is."""

import gc
import math
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import gevent  # type: ignore[import-untyped] # it ships no types

from loadtests import generated, records
from loadtests.schedule import Schedule

BEAT_SECONDS, NOTE_SECONDS = 0.05, 1.0


class Run:
    """One run, from its making to its end.

    Args:
        rate: requests a second of each user.
        folder: where the records go; None: nothing is noted.
        began: when the schedule began, in seconds since the epoch.
        ends: up to when requests are planned, if that is known.

    Attributes:
        ends: the same; nothing that would be due later is sent.
        process: the name of this process, unique over all runs.
        numbers: gives each vote its number.
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
        self._notes = self._open.enter_context(generated.Writer(folder, self.process, self.began))
        self._noted, self._used, self._late = time.time(), time.process_time(), 0.0
        gc.collect()
        gc.freeze()  # what is there by now stays: looking through it again and again holds up requests by tens of milliseconds
        self._beat = gevent.spawn(self._beating)

    def joined(self) -> Schedule:
        """Give a new user its schedule."""
        schedule = Schedule(self.rate, time.time())
        self._schedules.add(schedule)
        return schedule

    def left(self, schedule: Schedule, at: float) -> None:
        """Count what a user's schedule contained up to the moment that it was asked to stop, or all were."""
        if schedule in self._schedules:
            self._schedules.remove(schedule)
            self._planned += schedule.planned(min(at, self.ends))

    def note(self, line: records.Line) -> None:
        """Note a request."""
        if self._records:
            self._records.write(line)

    def stopping(self) -> None:
        """Plan no more."""
        self.ends = min(self.ends, time.time())

    def end(self) -> None:
        """Write what is left to write; a second time, do nothing."""
        if self._records:
            self._records = None
            self._beat.kill()
            self._notes.write(None, self._planned)
        self._open.close()

    def _beating(self) -> None:
        due = time.time()
        while self._records:
            due += BEAT_SECONDS
            gevent.sleep(max(0.0, due - time.time()))
            now = time.time()
            if due <= self.ends:
                self._late = max(self._late, now - due)
            due = max(due, now - BEAT_SECONDS)  # one stall is told once
            if now - self._noted >= NOTE_SECONDS:
                self._records.flush()
                self._note(now)

    def _note(self, now: float) -> None:
        used = time.process_time()
        cpu = (used - self._used) / (now - self._noted)
        planned = self._planned + sum(schedule.planned(min(now, self.ends)) for schedule in self._schedules)
        self._notes.write(generated.Second(now - self.began, cpu, self._late * 1000), planned)
        self._noted, self._used, self._late = now, used, 0.0
