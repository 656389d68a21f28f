"""Consumers that a scenario starts with its own variables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from validation.core import protocol
from validation.core.waiting import Waited, eventually
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

STARTS_SECONDS = 20.0
ATTEMPTS_SECONDS = 20.0


@dataclass
class Running:
    """The consumer that the scenario speaks of."""

    child: Child
    env: dict[str, str]


@pytest.fixture
def start_consumer(target: LaunchingTarget) -> Iterator[Callable[..., Running]]:
    """Start a consumer with its own variables; it stops with the scenario."""
    started: list[Child] = []

    def start(**env: str) -> Running:
        child = target.new_consumer(env)
        child.start()
        started.append(child)
        return Running(child, env)

    yield start
    for child in started:
        child.stop()


def wait_for_attempts(child: Child, event: str, attempts: int) -> Waited[int]:
    """Wait until a consumer logs that it made this many attempts; it does not log each of them."""

    def logged() -> int:
        return max((int(e.get("attempt", 0)) for e in child.events() if e.get("event") == event), default=0)

    return eventually(logged, lambda number: number >= attempts, within=ATTEMPTS_SECONDS, never=lambda _: not child.alive)


def observe_shutdown(child: Child, observe: Observe) -> None:
    """Record how a consumer ended after SIGTERM."""
    ended = child.wait(within=protocol.SHUTDOWN_SECONDS)
    events = [name for name in child.event_names() if name in protocol.SHUTDOWN_EVENTS]
    with observe.together():
        seen = ended.value if ended.held else "still running after 5 s"
        observe("exit code", expected=0, observed=seen, evidence=child.output(), timed=not ended.held)
        observe("shutdown events", expected=list(protocol.SHUTDOWN_EVENTS), observed=events, evidence=child.output(), timed=not ended.held)
