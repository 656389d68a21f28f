"""Outages in the background: a consumer without Redis and another without the database, each twice, and when each of them tried again.

The pauses between attempts are seconds long by design, so the trial runs beside other scenarios.
"""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from features.support.streams import new_stream
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.probes.running.stream import StreamProbe
from validation.targets.launching import LaunchingTarget

FIRST_ATTEMPTS, SECOND_ATTEMPTS = 5, 3
"""In the first outage enough to see that the pauses no longer grow, in the second that they begin anew."""
ATTEMPTS_SECONDS = 40.0
EVENTS = {"Redis": "redis_unavailable", "the database": "postgres_unavailable"}
TURNS = 2
"""Votes that are added after an outage, one by one: a turn reads new entries once, so the turn that succeeded is then over."""
ONE_ATTEMPT_SECONDS = 0.4
"""A client library may try an address twice in one attempt, with and without TLS."""


@dataclass(frozen=True, slots=True)
class Outages:
    """The pauses in seconds between the attempts of a consumer, in its first and in its second outage, and what it logged in each."""

    part: str
    first: list[float]
    second: list[float]
    logged: list[list[tuple[int, str]]]
    evidence: str

    @property
    def event(self) -> str:
        """The event that names the part in the log."""
        return EVENTS[self.part]


@pytest.fixture(scope="session")
def outage_trial(target: LaunchingTarget) -> Iterator[Future[list[Outages]]]:
    """Begin the trial; the future has its result."""
    with ExitStack() as cleanup, ThreadPoolExecutor(3) as pool:
        for server in (target.redis, target.database):
            server.require_managed()
        both = [pool.submit(_outages, target, cleanup, part) for part in ("Redis", "the database")]
        yield pool.submit(lambda: [one.result() for one in both])


def _outages(target: LaunchingTarget, cleanup: ExitStack, part: str) -> Outages:
    variable, url = {"Redis": ("REDIS_URL", target.redis.url), "the database": ("DATABASE_URL", target.database.url)}[part]
    own, stream, proxy = new_stream(), StreamProbe(target.redis.url), proxy_to(url, target.proxy_host)
    consumer = target.new_consumer(own.env | {variable: url_through(url, proxy)})
    for undo in (stream.close, lambda: stream.forget(own.name, own.dead_letters), proxy.close, consumer.stop):
        cleanup.callback(undo)

    logged: list[list[tuple[int, str]]] = []

    def lines() -> list[tuple[int, str]]:
        """Return the attempt and the error of each line about the part."""
        return [
            (int(event.get("attempt", 0)), str(event.get("error"))) for event in consumer.events() if event.get("event") == EVENTS[part]
        ]

    def outage(number: int) -> list[float]:
        earlier = len(lines())
        proxy.counters.refused_at.clear()
        proxy.refuse(True)
        proxy.reset()
        own.add(stream, 1)  # a consumer that has nothing to count does not need the database
        begun = time.monotonic()

        def attempts() -> list[float]:
            found = [begun]
            for moment in [*proxy.counters.refused_at]:
                found += [moment] if moment - found[-1] > ONE_ATTEMPT_SECONDS else []
            return found

        moments = eventually(attempts, lambda found: len(found) >= number, within=ATTEMPTS_SECONDS).value
        proxy.heal()
        for _ in range(TURNS):
            own.wait_until_drained(stream)
            own.add(stream, 1)
        own.wait_until_drained(stream)
        logged.append(lines()[earlier:])
        return [round(later - earlier, 2) for earlier, later in itertools.pairwise(moments)]

    own.add(stream, 1)
    consumer.start()
    own.wait_until_drained(stream)
    first = outage(FIRST_ATTEMPTS)
    return Outages(part, first, outage(SECOND_ATTEMPTS), logged, consumer.output()[-3000:])
