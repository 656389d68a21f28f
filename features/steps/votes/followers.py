"""Steps with many open event streams: what they cost the database, and those that nobody reads."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.api import probe_when_healthy
from features.support.followers import Followers
from validation.core import protocol
from validation.core.collections import every
from validation.core.waiting import Waited, eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import FaultProxy
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

SCHEMA = "votecheck_followed"
OPTIONS = 20_000
ARRIVES_SECONDS, DROPPED_SECONDS, BUSY_SECONDS = 10.0, 40.0, 4.0
CLOCK_SECONDS = 0.1
"""By which the reads were counted for longer than the clock says."""
REMEDY, CONNECTIONS = "system/api/results.py", "system/api/connections.py"


@dataclass
class Following:
    """An API whose event streams are open, and what was seen.

    Attributes:
        took: seconds from each change until every client that reads had it; None: not all of them got it in time.
        watched: for how long the reads of the database were counted.
        reads: how many there were.
    """

    api: Api
    database: FaultProxy
    clients: Followers
    store: StoreProbe
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(2))
    took: list[float | None] = field(default_factory=list)
    watched: float = 0.0
    reads: int = 0

    def change(self) -> None:
        """Change the results, and wait until each client that reads has them."""
        self.store.stage_results(SCHEMA, {"cats": next(self.numbers)})
        events, changed = max(len(one.arrived) for one in self.clients.reading) + 1, time.monotonic()
        there = eventually(lambda: self.clients.has_all(events), bool, within=ARRIVES_SECONDS)
        self.took.append(round(time.monotonic() - changed, 2) if there.held else None)

    def reads_so_far(self) -> int:
        """Return how often the API has read the results from the database."""
        return sum(one.label == "execute" and "get_vote_results" in one.words[1] for one in self.database.commands)


@pytest.fixture
def open_streams(
    target: LaunchingTarget, store: StoreProbe, start_api: Callable[..., Api], afterwards: Callable[..., None]
) -> Callable[..., Following]:
    """Open event streams of an API of the scenario's own, whose results the scenario sets."""

    def start(read: int, unread: int = 0, **env: str) -> Following:
        target.database.require_managed()
        store.stage_results(SCHEMA, {"cats": 1})
        afterwards(lambda: store.drop(SCHEMA))
        proxy, clients = proxy_to(target.database.url, target.proxy_host), Followers()
        afterwards(proxy.close)
        api = start_api(DATABASE_URL=f"{url_through(target.database.url, proxy)}?search_path={SCHEMA}", **env)
        probe_when_healthy(api)
        afterwards(clients.close)
        for count, reads in ((read, True), (unread, False)):
            clients.open(api.url, count, reads=reads)
        clients.start()
        eventually(lambda: clients.has_all(1), bool, within=ARRIVES_SECONDS)
        return Following(api, proxy, clients, store)

    return start


@given(parsers.parse("{count:d} event streams of one API"), target_fixture="following")
def many(open_streams: Callable[..., Following], count: int) -> Following:
    return open_streams(count)


@given(parsers.parse("{read:d} event streams with large results, and {unread:d} that nobody reads"), target_fixture="following")
def some_unread(open_streams: Callable[..., Following], read: int, unread: int) -> Following:
    names = ",".join(["cats", *(f"{number:x}" for number in range(OPTIONS))])
    return open_streams(read, unread, VOTE_OPTIONS=names)


@when(parsers.parse("the results change {times:d} times"))
def change(following: Following, times: int) -> None:
    before, began = following.reads_so_far(), time.monotonic()
    for _ in range(times):
        following.change()
    following.watched, following.reads = time.monotonic() - began, following.reads_so_far() - before


@when("the results change until the unread event streams are dropped", target_fixture="dropped")
def change_until_dropped(following: Following) -> Waited[bool]:
    def look() -> bool:
        following.change()
        return every(one.dropped is not None for one in following.clients.not_reading)

    return eventually(look, bool, within=DROPPED_SECONDS)


@then(parsers.parse("each client that reads gets each change within {seconds:g} seconds"))
def gets_each(following: Following, seconds: float, observe: Observe) -> None:
    missing = following.took.count(None)
    slowest = max((one for one in following.took if one is not None), default=0.0)
    with observe.together():
        observe("changes that did not reach every client", expected=0, observed=missing, evidence=following.took, remedy=REMEDY)
        observe(f"seconds until the slowest of {len(following.clients.reading)} clients had a change", expected=f"at most {seconds:g}",
                observed=slowest, holds=0 < slowest <= seconds + BUSY_SECONDS, evidence="plus four for a busy machine", timed=not missing,
                remedy=REMEDY)  # fmt: skip
        ended = [one for one in following.clients.reading if one.dropped is not None]
        observe("clients that read and were dropped", expected=0, observed=len(ended), remedy=CONNECTIONS)


@then("the results were read once in 2 seconds at most, whatever the number of event streams")
def reads(following: Following, observe: Observe) -> None:
    most = int((following.watched + CLOCK_SECONDS) / protocol.RESULTS_MAX_AGE_SECONDS) + 1
    what = f"reads of the results within {following.watched:.1f} s for {len(following.clients.reading)} event streams"
    observe(what, expected=f"1 to {most}", observed=following.reads, holds=1 <= following.reads <= most, remedy=REMEDY)


@then("every unread event stream was dropped")
def every_dropped(following: Following, dropped: Waited[bool], observe: Observe) -> None:
    unread = following.clients.not_reading
    observe("unread event streams that were dropped", expected=len(unread), observed=sum(one.dropped is not None for one in unread),
            evidence=f"{dropped.seconds:.0f} s, {len(following.took)} changes", remedy=CONNECTIONS)  # fmt: skip
