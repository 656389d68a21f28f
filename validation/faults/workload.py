"""Workload who go on until their vote is taken, and a watcher who never looks away."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from validation.core.errors import HarnessError, ProbeError
from validation.faults.reconciliation import CLIENT_ERRORS, CREATED, SentVotes
from validation.probes.running.http import HttpProbe
from validation.targets.process import Child

THREADS = 3
EVERY_SECONDS = 0.03
WATCH_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
HEALTHY = "/health answered 200"


@dataclass
class Workload:
    """Threads that vote with a key each, and send it again until it is answered.

    Attributes:
        pause: how long each waits between two votes, in seconds.
        given_up: the keys that were refused, or not answered within a minute.
    """

    probe: HttpProbe
    sent_votes: SentVotes
    pause: float = EVERY_SECONDS
    given_up: list[str] = field(default_factory=list)
    _flowing: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _busy: dict[int, bool] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to vote."""
        self._flowing.set()
        for number in range(THREADS):
            thread = threading.Thread(target=self._vote_on, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def rest(self) -> None:
        """Begin no new vote; those in hand go on until they are answered."""
        self._flowing.clear()

    def go_on(self) -> None:
        """Vote again."""
        self._flowing.set()

    @property
    def resting(self) -> bool:
        """Whether no vote is in hand."""
        return not any(self._busy.values())

    def stop(self) -> None:
        """End the threads."""
        self._ended.set()
        self._flowing.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _vote_on(self, number: int) -> None:
        for turn in itertools.count():
            self._busy[number] = False
            self._flowing.wait()
            if self._ended.is_set():
                return
            self._busy[number] = True
            self._vote(self.sent_votes.key(), "cats" if turn % 3 else "dogs")
            self._ended.wait(self.pause)

    def _vote(self, key: str, option: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and not self._ended.is_set():
            try:
                answer = self.probe.vote(option, key)
                status, vote = answer.status, str((answer.json() or {}).get("vote_id", ""))
            except ProbeError:
                status, vote = 0, ""
            self.sent_votes.record(key, option, status, vote)
            if status == CREATED:
                return
            if status in CLIENT_ERRORS:
                break
            self._ended.wait(EVERY_SECONDS)
        self.given_up.append(key)


@dataclass
class Watcher:
    """Looks at the API and at the processes all the time, and keeps what is wrong.

    Attributes:
        up: tells whether the API is meant to answer now.
        pause: how long it waits between two looks, in seconds.
        wrong: what must never be.
        ready: the answers of /ready over time, newest last, bounded.
    """

    probe: HttpProbe
    up: Callable[[], bool]
    processes: Callable[[], list[Child]]
    pause: float = WATCH_SECONDS
    wrong: list[str] = field(default_factory=list)
    ready: list[tuple[int, str]] = field(default_factory=list)
    memory_mib: float = 0.0
    descriptors: int = 0
    looks: int = 0
    _total: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look away."""
        self._ended.set()
        if self._thread:
            self._thread.join(PATIENCE_SECONDS)

    def _look_on(self) -> None:
        while not self._ended.wait(self.pause):
            self._look()

    def _look(self) -> None:
        was_up = self.up()
        try:
            health = f"/health answered {self.probe.send('GET', '/health').status}"
        except ProbeError as error:
            health = str(error)
        if was_up and self.up() and health != HEALTHY:
            self.wrong.append(health)
        try:
            ready = self.probe.send("GET", "/ready")
            self.ready = [*self.ready[-200:], (ready.status, ready.body.decode(errors="replace")[:200])]
            total = (self.probe.send("GET", "/api/results").json() or {}).get("total_votes")
        except ProbeError:
            total = None
        if isinstance(total, int):
            if total < self._total:
                self.wrong.append(f"the results went down from {self._total} to {total}")
            self._total = total
        for child in self.processes():
            self._measure(child)
        self.looks += 1

    def _measure(self, child: Child) -> None:
        try:
            process = psutil.Process(child.pid)
            self.memory_mib = max(self.memory_mib, process.memory_info().rss / 2**20)
            self.descriptors = max(self.descriptors, process.num_fds())
        except (psutil.Error, HarnessError):
            return  # it was killed a moment ago
