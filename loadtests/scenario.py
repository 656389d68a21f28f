"""Reads the load scenarios from `scenarios.toml`. Nothing here imports Locust."""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("scenarios.toml")
USER_RATE = 10.0
"""Requests per second of one user. A scenario reaches its rate with as many users as needed."""
USERS = ("Voter", "Watcher", "Impatient", "Mixed")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the schedule: its duration in seconds and its rate in requests per second."""

    seconds: float
    rate: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """User classes, schedule and limits of a load test.

    Attributes:
        steps: the schedule; the first step is the warm-up.
        users: share of each user class.
        budgets: limits by request name: `p50 p95 p99` in ms, `failures` as a share, `rate` as a minimum of responses per second.
        whole: limits for the whole run: `count_p95` in ms, `growth_mib`, `reads` per second.
        knee: limits that each step of a ramp must meet: `p95` in ms, `kept` as a share of its rate. Empty: do not search for a knee.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    users: Mapping[str, float]
    budgets: Mapping[str, Mapping[str, float]]
    whole: Mapping[str, float] = field(default_factory=dict)
    knee: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Duration of the schedule in seconds, including the warm-up."""
        return sum(step.seconds for step in self.steps)

    @property
    def warm_up(self) -> float:
        """Duration of the first step in seconds, which is excluded from all results."""
        return self.steps[0].seconds

    @property
    def highest_rate(self) -> float:
        """Highest rate of all steps, in requests per second."""
        return max(step.rate for step in self.steps)

    def rate(self, at: float) -> float | None:
        """Return the rate `at` seconds after the start in requests per second, or None after the end."""
        for step in self.steps:
            if at < step.seconds:
                return step.rate
            at -= step.seconds
        return None

    def user_rate(self, at_most: float = USER_RATE) -> float:
        """Return a rate per user for which the lowest rate and its multiples need whole numbers of users."""
        lowest = min(step.rate for step in self.steps)
        return lowest / math.ceil(lowest / at_most - 1e-9)


@cache
def scenarios(file: Path = FILE) -> dict[str, Scenario]:
    """Return all scenarios of a file by name."""
    return {name: parse_scenario(name, table) for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items()}


def parse_scenario(name: str, table: Mapping[str, Any]) -> Scenario:
    """Parse a scenario from its TOML table.

    Raises:
        ValueError: a step is missing, a user class does not exist, or the shares do not sum to 1.
    """
    users, steps = dict(table["users"]), tuple(Step(float(seconds), float(rate)) for seconds, rate in table["steps"])
    if unknown := set(users) - set(USERS):
        raise ValueError(f"scenario {name}: unknown user class {', '.join(sorted(unknown))}. Valid classes: {', '.join(USERS)}")
    if abs(sum(users.values()) - 1) > 1e-9:  # noqa: PLR2004 - rounding
        raise ValueError(f"scenario {name}: the shares of its users sum to {sum(users.values()):g} instead of 1")
    if len(steps) < 2 or any(step.seconds <= 0 or step.rate <= 0 for step in steps):  # noqa: PLR2004 - a warm-up and a measured step
        raise ValueError(f"scenario {name}: a warm-up and at least one more step are required, each with seconds and a rate above 0")
    return Scenario(name, table["title"], steps, users, table["budgets"], table.get("whole", {}), table.get("knee", {}))


def write_scenario(scenario: Scenario, folder: Path) -> Path:
    """Write a scenario to `scenarios.toml` in a folder, for a generator to read. Return the file."""
    lines = [f"[{scenario.name}]", f"title = {json.dumps(scenario.title)}", f"users = {_table(scenario.users)}"]
    lines += [f"steps = {[[step.seconds, step.rate] for step in scenario.steps]}"]
    lines += [f"budgets.{json.dumps(name)} = {_table(limits)}" for name, limits in scenario.budgets.items()] or ["budgets = {}"]
    lines += [f"whole = {_table(scenario.whole)}", f"knee = {_table(scenario.knee)}"]
    file = folder / FILE.name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _table(values: Mapping[str, float]) -> str:
    return "{ " + ", ".join(f"{name} = {value}" for name, value in values.items()) + " }"
