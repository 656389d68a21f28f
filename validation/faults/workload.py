"""The traffic during faults: voters who repeat each vote until it is answered, and a watcher of the API and its processes."""

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
VOTE_SECONDS = 0.03
CHECK_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
HEALTHY = "/health answered 200"


@dataclass
class Workload:
    """Threads that vote, each vote with a key of its own, and repeat a vote until it is answered.

    Attributes:
        interval: seconds that each thread waits between two votes.
        given_up: the keys that were refused, or not answered within a minute.
    """

    probe: HttpProbe
    sent_votes: SentVotes
    interval: float = VOTE_SECONDS
    given_up: list[str] = field(default_factory=list)
    _flowing: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _busy: dict[int, bool] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start voting."""
        self._flowing.set()
        for number in range(THREADS):
            thread = threading.Thread(target=self._vote_on, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def pause(self) -> None:
        """Start no new vote; votes in flight are repeated until they are answered."""
        self._flowing.clear()

    def resume(self) -> None:
        """Start new votes again."""
        self._flowing.set()

    @property
    def idle(self) -> bool:
        """Whether no vote is in flight."""
        return not any(self._busy.values())

    def stop(self) -> None:
        """Stop the threads."""
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
            self._ended.wait(self.interval)

    def _vote(self, key: str, option: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and not self._ended.is_set():
            try:
                answer = self.probe.vote(option, key)
                status, body = answer.status, answer.json() or {}
            except ProbeError:
                status, body = 0, {}
            self.sent_votes.record(key, option, status, str(body.get("vote_id", "")), str(body.get("stream_id", "")))
            if status == CREATED:
                return
            if status in CLIENT_ERRORS:
                break
            self._ended.wait(VOTE_SECONDS)
        self.given_up.append(key)


@dataclass
class Watcher:
    """Checks the API and the processes all the time, and records what is wrong.

    Attributes:
        up: returns whether the API must answer now.
        interval: seconds between two checks.
        wrong: errors seen so far.
        ready: the latest answers of /ready, newest last.
        memory_mib, descriptors: the highest seen of any process.
        checks: how many checks were made.
    """

    probe: HttpProbe
    up: Callable[[], bool]
    processes: Callable[[], list[Child]]
    interval: float = CHECK_SECONDS
    wrong: list[str] = field(default_factory=list)
    ready: list[tuple[int, str]] = field(default_factory=list)
    memory_mib: float = 0.0
    descriptors: int = 0
    checks: int = 0
    _total: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start checking."""
        self._thread = threading.Thread(target=self._check_on, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop checking."""
        self._ended.set()
        if self._thread:
            self._thread.join(PATIENCE_SECONDS)

    def _check_on(self) -> None:
        while not self._ended.wait(self.interval):
            self._check()

    def _check(self) -> None:
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
        self.checks += 1

    def _measure(self, child: Child) -> None:
        try:
            process = psutil.Process(child.pid)
            self.memory_mib = max(self.memory_mib, process.memory_info().rss / 2**20)
            self.descriptors = max(self.descriptors, process.num_fds())
        except (psutil.Error, HarnessError):
            return  # the process was killed a moment ago
