# mypy: allow-untyped-calls
# Locust is typed in part.
"""The scenarios as a shape: `locust -f loadtests/locustfile.py,loadtests/shapes.py --headless --scenario baseline --host ...`."""

import time
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

from locust import LoadTestShape, User, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests.listeners import checked
from loadtests.scenario import FILE, Scenario, scenarios

TICK_SECONDS = 1.0
"""So often does Locust ask a shape."""
ROUNDING = 1e-6


class ScenarioShape(LoadTestShape):
    """As many users as each step of a scenario needs, from the moment that it begins; then the end.

    Attributes:
        scenario: what it follows.
    """

    scenario: Scenario
    _told = 0.0

    def reset_time(self) -> None:
        """Begin anew."""
        super().reset_time()
        self._told = 0.0

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Give the users of now: how many, how many to start or end a second, which is all at once, and of which classes; None at the end.

        Where the next step begins before Locust asks again, this waits for it.
        """
        at = self.get_run_time()
        begin = time.time() - at
        edge = self._edge(at)
        if edge == self._told and edge - at < TICK_SECONDS:
            time.sleep(edge - at)
            at, edge = edge + ROUNDING, self._edge(edge + ROUNDING)
        self._told = edge
        return self._users(begin, at)

    def _edge(self, at: float) -> float:
        return next((edge for edge in accumulate(step.seconds for step in self.scenario.steps) if edge > at), at)

    def _users(self, begin: float, at: float) -> tuple[int, float, list[type[User]]] | None:
        rate = self.scenario.rate(at)
        if rate is None or self.runner is None:
            return None
        options = cast("Any", self.runner.environment.parsed_options)
        options.schedule = [begin, begin + self.scenario.seconds]
        options.rate_of_a_user = self.scenario.rate_of_a_user(options.rate_of_a_user)
        users, most = (max(1, round(wanted / options.rate_of_a_user)) for wanted in (rate, self.scenario.highest_rate))
        return users, float(most), [self.runner.user_classes_by_name[name] for name in sorted(self.scenario.users)]


def add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    """Add the arguments that say what to follow."""
    hidden: Any = {"include_in_web_ui": False}
    parser.add_argument("--scenario", default="", metavar="<name>", help="Scenario to follow", **hidden)
    parser.add_argument("--scenarios", default=str(FILE), metavar="<file>", help="File of scenarios. Defaults to ours", **hidden)
    checked(parser, _wrong)


def _wrong(options: Any) -> str:
    if options.worker:
        return ""
    try:
        known = scenarios(Path(options.scenarios))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"--scenarios {options.scenarios}: {type(error).__name__}: {error}"
    if options.scenario not in known:
        return f"--scenario: there is no {options.scenario or 'name'}; there are {', '.join(known)}"
    if options.user_classes or options.tags or options.exclude_tags:
        return f"--scenario {options.scenario} says who comes; leave out user classes and tags"
    return ""


def choose(environment: Environment, **_: Any) -> None:
    """Have the shape follow the scenario that was named, and users come by its shares."""
    options: Any = environment.parsed_options
    if options.worker or not isinstance(environment.shape_class, ScenarioShape):
        return
    scenario = environment.shape_class.scenario = scenarios(Path(options.scenarios))[options.scenario]
    for user in environment.user_classes:
        user.weight = scenario.users.get(user.__name__, user.weight)


events.init_command_line_parser.add_listener(add_arguments)
events.init.add_listener(choose)
