"""A fault in the middle of a load run: it begins in the middle of the schedule and lasts as long as it always does."""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from statistics import median_high

from loadtests.scenario import FILE, scenarios
from validation.core.commands import command
from validation.core.errors import HarnessError, NotProven, UsageError
from validation.core.settings import RunSettings
from validation.core.waiting import consistently
from validation.faults.catalogue import all_faults
from validation.faults.environment import FaultEnvironment
from validation.load.result import FaultRecord, Second

LONGEST_SHARE = 0.4
"""The longest share of the measured time that a fault may last: there must be something to compare before and after it."""
RECOVERED_FACTOR = 2.0
"""The system has recovered once its p95 is at most this many times the median p95 before the fault, or at most 1 ms above it."""
RECOVERED_SECONDS = 3
"""How many consecutive seconds must be that good."""


def require_fault(name: str, settings: RunSettings, measured_seconds: float, scenario: str) -> None:
    """Check that a fault exists, fits into the scenario, and has a system that this run launches.

    Raises:
        UsageError: it does not; the message lists the valid names, and its advice works for this fault.
    """
    known = all_faults()
    if name not in known:
        near = get_close_matches(name, known, 1, cutoff=0.3)[0:1] or [next(iter(known))]
        names = "".join(f"\n  {one}" for one in sorted(known))
        raise UsageError(f"There is no fault {name!r}. Valid names:{names}", next_command=_advice(scenario, near[0]))
    if settings.api_url or settings.redis_url or settings.database_url or settings.target == "cluster":
        raise UsageError(
            "--fault needs a system that this run starts on this machine.",
            "an external server or --target cluster was given",
            _advice(scenario, name),
        )
    if known[name].seconds > LONGEST_SHARE * measured_seconds:
        raise UsageError(
            f"The fault {name!r} lasts {known[name].seconds:g} s, too long for {measured_seconds:g} s of measurement.",
            f"a fault may take {LONGEST_SHARE * 100:.0f} % of the measured time",
            _advice(scenario, name),
        )


def _advice(scenario: str, fault: str) -> str:
    """Return a command that injects a fault, with the shortest time that it fits into if the scenario is too short for it."""
    needed = math.ceil(all_faults()[fault].seconds / LONGEST_SHARE)
    shaped = scenarios(FILE)[scenario]
    longer = ["--seconds", str(needed)] if needed > shaped.seconds - shaped.warm_up else []
    return command("votecheck", "load", scenario, "--fault", fault, *longer)


@dataclass
class FaultInjection:
    """Injects one fault, in a thread.

    Attributes:
        at: when the fault begins, in epoch seconds.
        record: what happened; None until the fault is over.
        error: why the harness could not inject it; empty if it could.
    """

    environment: FaultEnvironment
    name: str
    at: float
    record: FaultRecord | None = None
    error: str = ""
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to wait for the moment of the fault."""
        self._thread = threading.Thread(target=self._inject, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the fault is over; cancel it if it has not begun."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _inject(self) -> None:
        if self._ended.wait(max(0.0, self.at - time.time())):
            return
        fault, begun = all_faults()[self.name], time.time()
        try:
            fault.begin(self.environment)
            consistently(lambda: None, lambda _: True, during=fault.seconds)
            effect = fault.effect(self.environment)
        except (HarnessError, NotProven) as error:
            effect, self.error = "", str(error)
        finally:
            fault.end(self.environment)
        self.environment.restart_exited()
        self.record = FaultRecord(self.name, begun, time.time(), effect, None)


def recovery_seconds(fault: FaultRecord, timeline: Sequence[Second], warm_up: float) -> float | None:
    """Return after how many seconds from the fault's end the p95 was as before, for some consecutive seconds; None if it never was."""
    before = [second.p95 for second in timeline if warm_up <= second.at < int(fault.begun) and second.answered]
    if not before:
        return None
    usual, run = median_high(before), 0
    limit = max(usual * RECOVERED_FACTOR, usual + 1)
    for second in (second for second in timeline if second.at >= int(fault.ended)):
        run = run + 1 if second.answered and not second.failed and second.p95 <= limit else 0
        if run == RECOVERED_SECONDS:
            return max(0.0, second.at + 1 - RECOVERED_SECONDS - fault.ended)
    return None
