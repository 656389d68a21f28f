"""Steps about a system that faults befall while votes flow."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from anyio.from_thread import BlockingPortal
from pytest_bdd import given, parsers, then, when

from validation.observing import Observe
from validation.settings import RunSettings
from validation.storm.faults import Fault, every_fault
from validation.storm.system import Storm
from validation.targets.base import Target
from validation.waiting import consistently, eventually

MEMORY_MIB = 250
DESCRIPTORS = 200
FEW_LOOKS = 3


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


@pytest.fixture(scope="session")
def storm(target: Target, settings: RunSettings, portal: BlockingPortal, leftovers: Callable[[str], None]) -> Iterator[Storm]:
    """A system of its own, with votes flowing through it for the rest of the session."""
    target.redis.must_be_ours()
    made = Storm(settings, portal)
    try:
        made.start()
        yield made
    finally:
        for left in made.close():
            leftovers(left)


@given("votes flow")
def votes_flow(storm: Storm, observe: Observe) -> None:
    begun = len(storm.voters.ballots.cast)
    flowing = eventually(lambda: len(storm.voters.ballots.accepted()), lambda _: len(storm.voters.ballots.cast) >= begun + 3, within=10)
    observe("votes of this storm so far", expected="some", observed=flowing.value, holds=flowing.held and flowing.value > 0)


@when(parsers.re(r"(?P<fault>.+), and then it is over$"), target_fixture="suffered")
def fault_comes_and_goes(storm: Storm, fault: str) -> list[Suffered]:
    storm.plant()
    return [suffer(storm, fault, every_fault()[fault])]


@when("faults drawn from the seed of this run come one after the other", target_fixture="suffered")
def faults_at_random(storm: Storm, settings: RunSettings, measure: Callable[[str, float, str], None]) -> list[Suffered]:
    measure("seed of the random faults", settings.seed, "")
    draw, faults = random.Random(settings.seed), every_fault()  # noqa: S311 - to be repeated, not to be secret
    names = [name for name, fault in faults.items() if fault.seconds < 10]  # noqa: PLR2004 - the long ones have a scenario of their own
    end, came = time.monotonic() + settings.minutes * 60, list[Suffered]()
    while time.monotonic() < end or not came:
        name = draw.choice(names)
        storm.plant()
        came.append(suffer(storm, name, faults[name]))
    return came


@then("the fault took effect, and every vote is counted once")
@then("each fault took effect, and every vote is counted once")
def all_is_well(storm: Storm, suffered: list[Suffered], measure: Callable[[str, float, str], None], observe: Observe) -> None:
    story, watcher = "\n".join(map(str, suffered)), storm.watcher
    whose = suffered[0].name if len(suffered) == 1 else f"{len(suffered)} random faults"
    measure(f"recovery, {whose}", max(one.seconds for one in suffered), "s")
    with observe.together():
        for one in suffered:
            observe(f"effect of: {one.name}", expected="seen", observed=one.seen or "not seen", holds=bool(one.seen), evidence=story)
            observe(f"wrong afterwards: {one.name}", expected="", observed=one.wrong, evidence=story, remedy="validation/storm/system.py")
        for what, value, limit in (
            ("memory of API and consumers, MiB", round(watcher.memory_mib), MEMORY_MIB),
            ("their file descriptors", watcher.descriptors, DESCRIPTORS),
        ):
            observe(what, expected=f"some, below {limit}", observed=value, holds=0 < value < limit)
        looks = eventually(lambda: watcher.looks, lambda n: n > FEW_LOOKS, within=10)
        observe("looks of the watcher", expected=f"more than {FEW_LOOKS}", observed=looks.value, holds=looks.held)


def suffer(storm: Storm, name: str, fault: Fault) -> Suffered:
    """Let a fault come, look at it, take it back, and see what became of the votes."""
    storm.watcher.ready.clear()
    wrong = storm.revive()
    try:
        fault.begin(storm)
        consistently(lambda: None, lambda _: True, during=fault.seconds)
        if fault.unready:
            told = eventually(lambda: storm.watcher.ready[-1:], lambda last: bool(last) and last[0][0] == 503, within=6.0)  # noqa: PLR2004
            if not told.held or fault.unready not in told.value[0][1]:
                wrong.append(f"/ready said {told.value} and not 503 with {fault.unready}")
        seen = fault.seen(storm)
    finally:
        fault.end(storm)
    begun = time.monotonic()
    wrong += [storm.settle(), *storm.revive()]
    ready = eventually(lambda: storm.voters.probe.answers("/ready"), bool, within=10.0)
    if not ready.held:
        wrong.append("/ready is still not 200")
    return Suffered(name, seen, "; ".join(filter(None, wrong)), time.monotonic() - begun, len(storm.voters.ballots.accepted()))
