"""The load scenarios, read from `scenarios.toml`. Nothing here imports Locust."""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("scenarios.toml")
RATE_OF_A_USER = 10.0
"""Requests a second of one user's schedule: a scenario's rate is reached by as many users as it takes."""
USERS = ("Voter", "Watcher", "Impatient", "Mixed")


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the schedule: how long, in seconds, and how many requests a second."""

    seconds: float
    rate: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who comes, at which rate, for how long, and what must hold.

    Attributes:
        steps: the schedule; the first is the warm-up.
        users: the share of each user class.
        budgets: limits by name of a request: `p50 p95 p99` in ms, `failures` as a share, `rate` in answers a second at least.
        whole: limits of the run: `count_p95` in ms, `growth_mib`.
        knee: what a step of a ramp must keep: `p95` in ms, `kept` as a share of its rate; empty: no knee is looked for.
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
        """How long the schedule is, warm-up included."""
        return sum(step.seconds for step in self.steps)

    @property
    def warm_up(self) -> float:
        """How long the first step is, which is in no figure."""
        return self.steps[0].seconds

    @property
    def highest_rate(self) -> float:
        """The requests a second of the highest step."""
        return max(step.rate for step in self.steps)

    def rate(self, at: float) -> float | None:
        """Give the requests a second wanted `at` seconds after the begin; None: it is over."""
        for step in self.steps:
            if at < step.seconds:
                return step.rate
            at -= step.seconds
        return None

    def rate_of_a_user(self, at_most: float = RATE_OF_A_USER) -> float:
        """Give the rate of a user at which the lowest rate, and each multiple of it, are whole numbers of users."""
        lowest = min(step.rate for step in self.steps)
        return lowest / math.ceil(lowest / at_most - 1e-9)


@cache
def scenarios(file: Path = FILE) -> dict[str, Scenario]:
    """All scenarios of a file by name."""
    return {name: scenario_of(name, told) for name, told in tomllib.loads(file.read_text(encoding="utf-8")).items()}


def scenario_of(name: str, told: Mapping[str, Any]) -> Scenario:
    """Make a scenario of what a file says.

    Raises:
        ValueError: no step, a user class that does not exist, or shares that do not sum to 1.
    """
    users, steps = dict(told["users"]), tuple(Step(float(seconds), float(rate)) for seconds, rate in told["steps"])
    if unknown := set(users) - set(USERS):
        raise ValueError(f"scenario {name}: there is no user class {', '.join(sorted(unknown))}; there are {', '.join(USERS)}")
    if abs(sum(users.values()) - 1) > 1e-9:  # noqa: PLR2004 - rounding
        raise ValueError(f"scenario {name}: the shares of its users sum to {sum(users.values()):g} and not to 1")
    if len(steps) < 2 or any(step.seconds <= 0 or step.rate <= 0 for step in steps):  # noqa: PLR2004 - a warm-up and what is measured
        raise ValueError(f"scenario {name}: it needs a warm-up and one more step, each with seconds and a rate above 0")
    return Scenario(name, told["title"], steps, users, told["budgets"], told.get("whole", {}), told.get("knee", {}))


def written(scenario: Scenario, folder: Path) -> Path:
    """Write a scenario into `scenarios.toml` of a folder, for a generator to read; give the file."""
    lines = [f"[{scenario.name}]", f"title = {json.dumps(scenario.title)}", f"users = {_table(scenario.users)}"]
    lines += [f"steps = {[[step.seconds, step.rate] for step in scenario.steps]}"]
    lines += [f"budgets.{json.dumps(name)} = {_table(limits)}" for name, limits in scenario.budgets.items()] or ["budgets = {}"]
    lines += [f"whole = {_table(scenario.whole)}", f"knee = {_table(scenario.knee)}"]
    file = folder / FILE.name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _table(values: Mapping[str, float]) -> str:
    return "{ " + ", ".join(f"{name} = {value}" for name, value in values.items()) + " }"
