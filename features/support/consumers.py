"""Consumers that a scenario starts with its own variables."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from features.support.streams import OwnStream
from validation.core import protocol
from validation.core.collections import every
from validation.core.waiting import Waited, eventually
from validation.probes.running.http import HttpProbe
from validation.probes.running.metrics import samples
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

STARTS_SECONDS = 20.0
ATTEMPTS_SECONDS = 20.0
SHOWN_SECONDS = 20.0
CLOCKS_SECONDS = 8.0
"""Allowed between a metric and the stream: the metric is refreshed every two seconds, on a machine that may be busy."""


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


def metrics_probe(running: Running) -> HttpProbe:
    """Return a client of the metrics of a consumer."""
    return HttpProbe(f"http://127.0.0.1:{running.env['METRICS_PORT']}")


def metrics_of(running: Running) -> dict[str, float]:
    """Return the metrics of a consumer, nothing while it does not serve them."""
    probe = metrics_probe(running)
    return samples(probe) if probe.answers("/metrics") else {}


def observe_backlog(consumers: Sequence[Running], own: OwnStream, stream: StreamProbe, observe: Observe) -> None:
    """Compare the backlog that consumers show with the stream, which must have pending and waiting entries."""
    oldest = min(int(identifier.partition("-")[0]) / 1000 for identifier, _ in stream.entries_after(own.name))

    def compare() -> dict[str, tuple[float, ...]]:
        group = stream.group(own.name, own.group)
        shown = [metrics_of(one) for one in consumers]
        return {
            "pending": (group.pending if group else -2, *(one.get("vote_pending_entries", -1) for one in shown)),
            "lag": (group.lag if group and group.lag is not None else -2, *(one.get("vote_lag_entries", -1) for one in shown)),
            "oldest": (time.time() - oldest, *(one.get("vote_oldest_seconds", -1) for one in shown)),
        }

    def equal(values: dict[str, tuple[float, ...]]) -> bool:
        same = every(len(set(values[name])) == 1 and values[name][0] > 0 for name in ("pending", "lag"))
        return same and every(abs(one - values["oldest"][0]) < CLOCKS_SECONDS for one in values["oldest"])

    seen = eventually(compare, equal, within=SHOWN_SECONDS)
    expected = "the same in each, above 0"
    observe("value in the stream, and metric of each consumer", expected=expected, observed=seen.value, holds=seen.held,
            evidence=seen.story, remedy="system/consumer/backlog.py")  # fmt: skip


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
