"""Steps about a system that faults befall while votes flow.

Most of a environment is waiting. So it has servers of its own, and its faults come one after the other beside the other scenarios, from the
first of the session on; each step waits for its fault. The times are the storm's own.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from anyio.from_thread import BlockingPortal
from pytest_bdd import given, parsers, then, when

from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.core.waiting import consistently, eventually
from validation.faults.base import Fault
from validation.faults.catalogue import all_faults
from validation.faults.environment import FaultEnvironment
from validation.record.observe import Observe

MEMORY_MIB = 250
DESCRIPTORS = 200
FEW_LOOKS = 3
BEFALLS = r"(?P<fault>.+), and then it is over"
AT_RANDOM = "faults drawn from the seed of this run come one after the other"


@dataclass(frozen=True, slots=True)
class Suffered:
    """One fault and what came of it.

    Attributes:
        seen: how it took effect; empty: it did not.
        wrong: what was not as it must be afterwards; empty: nothing.
        seconds: from its end until everything was counted.
    """

    name: str
    seen: str
    wrong: str
    seconds: float
    votes: int

    def __str__(self) -> str:
        return f"{self.name:55} {self.seen or 'NOT SEEN'}; {self.wrong or 'right'} after {self.seconds:.1f} s, {self.votes} votes"


@dataclass(frozen=True, slots=True)
class Faults:
    """A environment, and what will have come of each of its faults, by the step that asks for it."""

    environment: FaultEnvironment
    begun: Future[None]
    coming: dict[str, Future[list[Suffered]]]


@pytest.fixture(autouse=True)
def faults_begin(request: pytest.FixtureRequest, asked_faults: list[str]) -> None:
    """Begin the environment with the first scenario, where one of this session asks for it."""
    if asked_faults:
        request.getfixturevalue("faults")


@pytest.fixture(scope="session")
def asked_faults(planned_steps: list[str]) -> list[str]:
    """The steps of this session that each ask for a fault, or for random ones."""
    return [step for step in planned_steps if step == AT_RANDOM or re.fullmatch(BEFALLS, step)]


@pytest.fixture(scope="session")
def faults(asked_faults: list[str], settings: RunSettings, portal: BlockingPortal, leftovers: Callable[[str], None]) -> Iterator[Faults]:
    """A environment that has begun."""
    environment = FaultEnvironment(settings, portal)
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(environment.start)

        def come(step: str) -> list[Suffered]:
            begun.result()
            return (
                _at_random(environment, settings) if step == AT_RANDOM else _suffer(environment, step.removesuffix(", and then it is over"))
            )

        try:
            yield Faults(environment, begun, {step: pool.submit(come, step) for step in asked_faults})
        finally:
            environment.ending.set()
            pool.shutdown(cancel_futures=True)
            for left in environment.close():
                leftovers(left)


@given("votes flow", target_fixture="environment")
def votes_flow(faults: Faults, observe: Observe) -> FaultEnvironment:
    faults.begun.result()
    workload = faults.environment.workload
    cast = eventually(lambda: len(workload.sent_votes.cast), bool, within=10)
    observe("votes of this environment so far", expected="some", observed=cast.value, holds=cast.held)
    return faults.environment


@when(parsers.re(BEFALLS + "$"), target_fixture="suffered")
def fault_comes_and_goes(faults: Faults, fault: str) -> list[Suffered]:
    return faults.coming[f"{fault}, and then it is over"].result()


@when(AT_RANDOM, target_fixture="suffered")
def faults_at_random(faults: Faults, settings: RunSettings, measure: Callable[[str, float, str], None]) -> list[Suffered]:
    measure("seed of the random faults", settings.seed, "")
    return faults.coming[AT_RANDOM].result()


@then("the fault took effect, and every vote is counted once")
@then("each fault took effect, and every vote is counted once")
def all_is_well(
    environment: FaultEnvironment, suffered: list[Suffered], measure: Callable[[str, float, str], None], observe: Observe
) -> None:
    story, watcher = "\n".join(map(str, suffered)), environment.watcher
    whose = suffered[0].name if len(suffered) == 1 else f"{len(suffered)} random faults"
    measure(f"recovery, {whose}", max(one.seconds for one in suffered), "s")
    with observe.together():
        for one in suffered:
            observe(f"effect of: {one.name}", expected="seen", observed=one.seen or "not seen", holds=bool(one.seen), evidence=story)
            observe(
                f"wrong afterwards: {one.name}", expected="", observed=one.wrong, evidence=story, remedy="validation/faults/environment.py"
            )
        for what, value, limit in (
            ("memory of API and consumers, MiB", round(watcher.memory_mib), MEMORY_MIB),
            ("their file descriptors", watcher.descriptors, DESCRIPTORS),
        ):
            observe(what, expected=f"some, below {limit}", observed=value, holds=0 < value < limit)
        looks = eventually(lambda: watcher.checks, lambda n: n > FEW_LOOKS, within=10)
        observe("looks of the watcher", expected=f"more than {FEW_LOOKS}", observed=looks.value, holds=looks.held)


def _at_random(environment: FaultEnvironment, settings: RunSettings) -> list[Suffered]:
    draw, faults = random.Random(settings.seed), all_faults()  # noqa: S311 - to be repeated, not to be secret
    names = [name for name, fault in faults.items() if fault.seconds < 10]  # noqa: PLR2004 - the long ones have a scenario of their own
    end, came = time.monotonic() + settings.fault_minutes * 60, list[Suffered]()
    while time.monotonic() < end or not came:
        came += _suffer(environment, draw.choice(names))
    return came


def _suffer(environment: FaultEnvironment, name: str) -> list[Suffered]:
    """Let a fault come, look at it, take it back, and see what became of the votes."""
    fault = all_faults()[name]
    environment.add_poison()
    environment.watcher.ready.clear()
    wrong = [environment.wait_for_votes(), *environment.restart_exited()]
    try:
        fault.begin(environment)
        consistently(environment.ending.is_set, lambda ending: not ending, during=fault.seconds)
        wrong.append(_told_unready(environment, fault))
        seen = fault.effect(environment)
    finally:
        fault.end(environment)
    if environment.ending.is_set():
        raise NotProven("The run ended before this fault was over.")
    begun = time.monotonic()
    wrong += [environment.settle(), *environment.restart_exited()]
    ready = eventually(lambda: environment.workload.probe.answers("/ready"), bool, within=10.0)
    if not ready.held:
        wrong.append("/ready is still not 200")
    return [Suffered(name, seen, "; ".join(filter(None, wrong)), time.monotonic() - begun, len(environment.workload.sent_votes.accepted()))]


def _told_unready(environment: FaultEnvironment, fault: Fault) -> str:
    if not fault.unready:
        return ""
    told = eventually(lambda: environment.watcher.ready[-1:], lambda last: bool(last) and last[0][0] == 503, within=6.0)  # noqa: PLR2004
    right = told.held and fault.unready in told.value[0][1]
    return "" if right else f"/ready said {told.value} and not 503 with {fault.unready}"
