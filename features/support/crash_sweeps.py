"""What the sweeps over crash points have in common: their order, their witnesses and their table."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from validation.core.errors import NotProven, ProbeError
from validation.core.settings import RunSettings
from validation.faults.proxy.crash_points import CrashPoint
from validation.faults.proxy.crashes import OK, SUBJECT, Crash, format_crashes, not_reached
from validation.faults.proxy.proxy import Breakpoint, FaultProxy
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

AFTER_REPLY = "the connection is reset after the reply, and the process goes on"
"""The one way to crash that only exists after a command, not before it."""
ENOUGH = 5
"""After this many wrong crashes the sweep stops: each of them waits for its whole timeout."""


class Sweep(Protocol):
    """Crashes one kind of process at each of its crash points.

    Attributes:
        ways: what can be done to the process at a point.
        at_once: how many crashes run side by side.
    """

    target: LaunchingTarget
    ways: tuple[str, ...]
    at_once: int

    def crash(self, point: CrashPoint, how: str) -> Crash:
        """Crash a process at a point in one way, and check what became of its votes."""


def sweep_over(sweep: Sweep, found: list[CrashPoint], settings: RunSettings, measure: Callable[[str, float, str], None]) -> list[Crash]:
    """Crash a process at each point, until enough of the crashes were wrong."""
    wrong, enough = list[Crash](), 1 if settings.fail_fast else ENOUGH

    def attempt(job: tuple[CrashPoint, str]) -> Crash | None:
        if len(wrong) >= enough:
            return None
        try:
            crash = sweep.crash(*job)
        except (NotProven, ProbeError) as reason:  # a crash that could not be observed does not hide the others
            return not_reached(*job, str(reason))
        if crash.reached and not crash.ok:
            wrong.append(crash)
        return crash

    if settings.quick:
        found = list({(point.protocol, point.step, point.side): point for point in reversed(found)}.values())
    jobs = plan(found, sweep.ways, every=sweep.target.starts_fast and not settings.quick)
    with ThreadPoolExecutor(sweep.at_once) as pool:
        crashes = [crash for crash in pool.map(attempt, jobs) if crash]
    if len(crashes) < len(jobs):
        measure(f"crash points skipped after {enough} wrong crashes", len(jobs) - len(crashes), "crashes")
    return crashes


def plan(found: list[CrashPoint], ways: tuple[str, ...], *, every: bool) -> list[tuple[CrashPoint, str]]:
    """Plan each point in every way, or in one: the ways then alternate, and differ before and after the same command.

    Only a point after a command has a reply, so only there is `AFTER_REPLY` possible.
    """
    possible = [(point, [how for how in ways if how != AFTER_REPLY or point.side == "reply"]) for point in found]
    if every:
        return [(point, how) for point, hows in possible for how in hows]
    return [(point, hows[(number // 2 + number % 2 * 2) % len(hows)]) for number, (point, hows) in enumerate(possible)]


def observe_crashes(crashes: list[Crash], whose: str, remedy: str, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    """Record the table of a sweep, one observation for each point.

    Raises:
        NotProven: a crash point was not reached.
    """
    reached = [crash for crash in crashes if crash.reached]
    measure(f"crashes of {whose}", len(reached), "crashes")
    measure(f"slowest recovery from a crash of {whose}", max((crash.seconds for crash in reached), default=0.0), "s")
    observe(f"crashes of {whose}", expected="at least one", observed=len(crashes), holds=bool(crashes))
    with observe.together():
        for point in dict.fromkeys(crash.point for crash in crashes):
            here = [crash for crash in crashes if crash.point == point]
            verdicts = [crash.verdict for crash in here if crash.reached]
            observe(f"{SUBJECT}{point}", expected=[OK] * len(verdicts), observed=verdicts, evidence=format_crashes(here), remedy=remedy)
    if missed := [crash for crash in crashes if not crash.reached]:
        raise NotProven(f"{len(missed)} of {len(crashes)} crash points were not reached, first: {missed[0]}")


def missing_points(named: Sequence[str], found: Iterable[str]) -> list[str]:
    """Return the points before and after each of these commands that are not among the points found."""
    known = set(found)
    return [point for step in named for point in (f"before {step}", f"after {step}") if point not in known]


def witness(breakpoint_: Breakpoint, proxy: FaultProxy, process: Child) -> str:
    """Describe a crash: at which command, and what ended there."""
    code = process.exit_code
    if code is None:
        ended = "the connection reset" if proxy.counters.closed else "no reply"
    else:
        ended = f"killed by signal {-code}" if code < 0 else f"the process exited with {code}"
    return f"{breakpoint_.command.label if breakpoint_.command else '?'}, {ended}"
