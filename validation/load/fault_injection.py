"""A fault in the middle of a load: it comes at the middle of the schedule, and is over after its own time."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median_high

from validation.core.errors import HarnessError, NotProven, UsageError
from validation.core.settings import RunSettings
from validation.core.waiting import consistently
from validation.faults.catalogue import every_fault
from validation.faults.environment import FaultEnvironment
from validation.load.result import Fault, Second

LONGEST_SHARE = 0.4
"""Of what is measured: before and after the fault there must be something to compare."""
AS_BEFORE = 2.0
"""The system has recovered when its p95 is below so many times the median one from before, or below 1 ms more."""
SETTLED_SECONDS = 3


def demand(name: str, settings: RunSettings, measured_seconds: float) -> None:
    """Refuse a fault that is not known, too long for the scenario, or for a system that is not ours.

    Raises:
        UsageError: with the names that there are.
    """
    if settings.api_url or settings.target == "cluster":
        raise UsageError("Faults befall only what this run has started on this machine.", "", "votecheck load baseline --target local")
    known = every_fault()
    if name not in known:
        near = ", ".join(sorted(known))
        raise UsageError(f"There is no fault «{name}».", f"there are: {near}", "votecheck load baseline --fault 'a consumer is killed'")
    if known[name].seconds > LONGEST_SHARE * measured_seconds:
        raise UsageError(f"«{name}» lasts {known[name].seconds:g} s.", f"{measured_seconds:g} s are measured", "ask for more --seconds")


@dataclass
class Faulting:
    """Lets it come, in a thread.

    Attributes:
        wrong: what went wrong with it in the harness; empty: nothing.
    """

    storm: FaultEnvironment
    name: str
    at: float
    fault: Fault | None = None
    wrong: str = ""
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to wait for its moment, `at` seconds since the epoch."""
        self._thread = threading.Thread(target=self._come, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until it is over; one that has not begun does not come any more."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _come(self) -> None:
        if self._ended.wait(max(0.0, self.at - time.time())):
            return
        fault, begun = every_fault()[self.name], time.time()
        try:
            fault.begin(self.storm)
            consistently(lambda: None, lambda _: True, during=fault.seconds)
            seen = fault.seen(self.storm)
        except (HarnessError, NotProven) as error:
            seen, self.wrong = "", str(error)
        finally:
            fault.end(self.storm)
        self.storm.revive()
        self.fault = Fault(self.name, begun, time.time(), seen, None)


def recovered(fault: Fault, timeline: Sequence[Second], warm_up: float) -> float | None:
    """Give after how many seconds from the fault's end the p95 was as before, for some seconds on end; None: it never was."""
    before = [second.p95 for second in timeline if warm_up <= second.at < int(fault.begun) and second.answered]
    if not before:
        return None
    usual, run = median_high(before), 0
    limit = max(usual * AS_BEFORE, usual + 1)
    for second in (second for second in timeline if second.at >= int(fault.ended)):
        run = run + 1 if second.answered and not second.failed and second.p95 <= limit else 0
        if run == SETTLED_SECONDS:
            return max(0.0, second.at + 1 - SETTLED_SECONDS - fault.ended)
    return None
