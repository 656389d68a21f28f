# mypy: allow-untyped-calls
# Locust is only partly typed.
"""Scenarios as a Locust shape: `locust -f loadtests/locustfile.py,loadtests/shapes.py --headless --scenario baseline --host ...`."""

import time
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

from locust import LoadTestShape, User, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests.listeners import add_check
from loadtests.scenario import FILE, Scenario, scenarios

TICK_SECONDS = 1.0
"""Interval at which Locust calls a shape."""
ROUNDING = 1e-6


class ScenarioShape(LoadTestShape):
    """Runs the number of users that each step of a scenario needs, from the start of the step, then ends the run.

    Attributes:
        scenario: the scenario to follow.
    """

    scenario: Scenario
    _last_edge = 0.0

    def reset_time(self) -> None:
        """Restart the shape."""
        super().reset_time()
        self._last_edge = 0.0

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Return the current number of users, how many to start or stop per second (all at once), and their classes; None at the end.

        If the next step starts before Locust's next call, wait for it.
        """
        at = self.get_run_time()
        start = time.time() - at
        edge = self._edge(at)
        if edge == self._last_edge and edge - at < TICK_SECONDS:
            time.sleep(edge - at)
            at, edge = edge + ROUNDING, self._edge(edge + ROUNDING)
        self._last_edge = edge
        return self._users(start, at)

    def _edge(self, at: float) -> float:
        return next((edge for edge in accumulate(step.seconds for step in self.scenario.steps) if edge > at), at)

    def _users(self, start: float, at: float) -> tuple[int, float, list[type[User]]] | None:
        rate = self.scenario.rate(at)
        if rate is None or self.runner is None:
            return None
        options = cast("Any", self.runner.environment.parsed_options)
        options.schedule = [start, start + self.scenario.seconds]
        options.user_rate = self.scenario.user_rate(options.user_rate)
        users, most = (max(1, round(target / options.user_rate)) for target in (rate, self.scenario.highest_rate))
        return users, float(most), [self.runner.user_classes_by_name[name] for name in sorted(self.scenario.users)]


def add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    """Add the options that select the scenario."""
    hidden: Any = {"include_in_web_ui": False}
    parser.add_argument("--scenario", default="", metavar="<name>", help="Scenario to run", **hidden)
    parser.add_argument(
        "--scenarios",
        default=str(FILE),
        metavar="<file>",
        help="TOML file with scenarios. Defaults to loadtests/scenarios.toml",
        **hidden,
    )
    add_check(parser, _check_scenario)


def _check_scenario(options: Any) -> str:
    if options.worker:
        return ""
    try:
        known = scenarios(Path(options.scenarios))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"--scenarios {options.scenarios}: {type(error).__name__}: {error}"
    if options.scenario not in known:
        return f"--scenario {f'{options.scenario} does not exist' if options.scenario else 'is missing'}. Valid names: {', '.join(known)}"
    if options.user_classes or options.tags or options.exclude_tags:
        return f"--scenario {options.scenario} determines the users: remove user classes and tags"
    return ""


def choose(environment: Environment, **_: Any) -> None:
    """Make the shape follow the selected scenario, and weight user classes by their shares."""
    options: Any = environment.parsed_options
    if options.worker or not isinstance(environment.shape_class, ScenarioShape):
        return
    scenario = environment.shape_class.scenario = scenarios(Path(options.scenarios))[options.scenario]
    for user in environment.user_classes:
        user.weight = scenario.users.get(user.__name__, user.weight)


events.init_command_line_parser.add_listener(add_arguments)
events.init.add_listener(choose)
