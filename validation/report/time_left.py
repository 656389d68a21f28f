"""How much longer a run takes: from recorded durations, and from how this machine compares with them so far."""

from collections.abc import Mapping

from validation.core.shards import with_costs
from validation.record.events import Planned
from validation.registry.durations import Unit

ENOUGH_SHARE = 0.05
"""Before this share of the expected work is done, there is nothing to compare with."""


class TimeLeft:
    """The expected work of a run, and what of it is done.

    Args:
        recorded: seconds of each scenario in recorded runs. One that is missing counts as the median.
    """

    def __init__(self, recorded: Mapping[Unit, float]) -> None:
        self._recorded = recorded
        self._units: dict[str, Unit] = {}
        self._done = set[str]()

    def plan(self, planned: Planned) -> None:
        """Take up a planned scenario."""
        self._units[planned.scenario] = (planned.feature, planned.name)

    def finish(self, scenario: str) -> None:
        """Count a scenario as done."""
        self._done.add(scenario)

    def seconds(self, elapsed: float) -> float | None:
        """Return the seconds that the rest is expected to take; None while that cannot be told.

        Args:
            elapsed: seconds since the start of the run.
        """
        costs = with_costs(self._units.values(), self._recorded)
        done = sum(costs[self._units[one]] for one in self._done & self._units.keys())
        whole = sum(costs[unit] for unit in self._units.values())
        return elapsed / done * (whole - done) if whole and done >= ENOUGH_SHARE * whole else None
