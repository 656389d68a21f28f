"""The faults of a session, run one after the other against a fault environment in the background."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from anyio.from_thread import BlockingPortal

from features.support.background import FAULTS, tagged
from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.core.waiting import consistently, eventually
from validation.faults.base import Fault
from validation.faults.catalogue import all_faults
from validation.faults.environment import FaultEnvironment
from validation.pytest_plugin.items import example_of

AT_RANDOM = ""
"""Asks for faults drawn from the seed of the run, not for a named one."""
SHORT_SECONDS = 10
"""Random faults are shorter than this; a longer one has its own scenario."""
READY_SECONDS = 10.0
NOT_READY_SECONDS = 6.0
UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class FaultRun:
    """One fault and its consequences.

    Attributes:
        effect: how the fault showed that it took effect; empty if it did not.
        wrong: what was wrong afterwards; empty if nothing was.
        recovery_seconds: from the end of the fault until every vote was counted.
        seconds: all of it, from the votes before the fault until then.
        votes: the votes accepted so far.
    """

    fault: str
    effect: str
    wrong: str
    recovery_seconds: float
    seconds: float
    votes: int

    def __str__(self) -> str:
        recovery = f"{self.wrong or 'right'} after {self.recovery_seconds:.1f} s"
        return f"{self.fault:55} {self.effect or 'NOT SEEN'}; {recovery}, {self.votes} votes"


@dataclass(frozen=True, slots=True)
class FaultRuns:
    """The fault environment, and the future runs by the fault that a scenario asks for."""

    environment: FaultEnvironment
    started: Future[None]
    _planned: dict[str, Future[list[FaultRun]]]

    def of(self, fault: str = AT_RANDOM) -> list[FaultRun]:
        """Wait for the runs of a fault, or of the random ones, and return them."""
        return self._planned[fault].result()


@pytest.fixture(scope="session")
def fault_runs(
    request: pytest.FixtureRequest, settings: RunSettings, portal: BlockingPortal, leftovers: Callable[[str], None]
) -> Iterator[FaultRuns]:
    """Start a fault environment and run the faults of the session in it, in the order of their scenarios."""
    environment = FaultEnvironment(settings, portal)
    faults = [example_of(item).get("fault", AT_RANDOM) for item in request.session.items if tagged(FAULTS)(item)]
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(environment.start)

        def run(fault: str) -> list[FaultRun]:
            started.result()
            return _at_random(environment, settings) if fault == AT_RANDOM else [_run(environment, fault)]

        try:
            planned = {fault: pool.submit(run, fault) for fault in faults}
            pool.submit(environment.rest)
            yield FaultRuns(environment, started, planned)
        finally:
            environment.ending.set()
            pool.shutdown(cancel_futures=True)
            for left in environment.close():
                leftovers(left)


def _at_random(environment: FaultEnvironment, settings: RunSettings) -> list[FaultRun]:
    draw = random.Random(settings.seed)  # noqa: S311 - it must be repeatable, not secret
    names = [name for name, fault in all_faults().items() if fault.seconds < SHORT_SECONDS]
    end, runs = time.monotonic() + settings.fault_minutes * 60, list[FaultRun]()
    while time.monotonic() < end or not runs:
        runs.append(_run(environment, draw.choice(names)))
    return runs


def _run(environment: FaultEnvironment, name: str) -> FaultRun:
    """Inject a fault, check that it took effect, end it, and check what became of the votes."""
    fault, began = all_faults()[name], time.monotonic()
    environment.add_poison()
    environment.watcher.ready.clear()
    wrong = [environment.wait_for_votes(), *environment.restart_exited()]
    try:
        fault.begin(environment)
        consistently(environment.ending.is_set, lambda ending: not ending, during=fault.seconds)
        wrong.append(_wrong_readiness(environment, fault))
        effect = fault.effect(environment)
    finally:
        fault.end(environment)
    if environment.ending.is_set():
        raise NotProven("The run ended before this fault was over.")
    ended = time.monotonic()
    wrong += [environment.settle(), *environment.restart_exited()]
    ready = eventually(lambda: environment.workload.probe.answers("/ready"), bool, within=READY_SECONDS)
    if not ready.held:
        wrong.append("/ready is still not 200")
    accepted, now = len(environment.workload.sent_votes.accepted()), time.monotonic()
    return FaultRun(name, effect, "; ".join(filter(None, wrong)), now - ended, now - began, accepted)


def _wrong_readiness(environment: FaultEnvironment, fault: Fault) -> str:
    """Return what is wrong with /ready while a fault lasts; empty if nothing is."""
    if not fault.unready:
        return ""
    last = eventually(
        lambda: environment.watcher.ready[-1:], lambda seen: bool(seen) and seen[0][0] == UNAVAILABLE, within=NOT_READY_SECONDS
    )
    right = last.held and fault.unready in last.value[0][1]
    return "" if right else f"/ready answered {last.value}, not {UNAVAILABLE} with {fault.unready}"
