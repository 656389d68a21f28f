"""A voting system of their own for browsers, and the browser."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from features.support.api import probe_when_healthy
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running.browser import Browser, Visitor
from validation.probes.running.http import HttpProbe
from validation.probes.running.keyspace import Keyspace
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.lifetime import lifetime
from validation.targets.opening import open_target
from validation.targets.process import Child

COUNTED_SECONDS = 10.0
LONGEST_NAME = "n" * 64
HTML_NAME, RTL_NAME = "<img src=x onerror=document.title=1>", "خيار من اليمين إلى اليسار"
VOTE, RECEIPT, RESULTS, LIVE = "**/api/vote", "**/api/votes/*", "**/api/results", "**/api/results/stream"

PollSystem = tuple[LaunchingTarget, Api, Child, Browser, StoreProbe, StreamProbe, Keyspace]


@dataclass
class Polls:
    """The system that browsers vote on.

    Attributes:
        attempts: when routed pages have sent a vote, in monotonic seconds, and its Idempotency-Key.
        asked: when a routed page has asked for its receipt, in monotonic seconds.
        must_wait: how many seconds it was told to wait then.
        bad: whether routed votes meet a bad day.
        freezes: whether the server freezes before the vote.
    """

    target: LaunchingTarget
    api: Api
    consumer: Child
    browser: Browser
    store: StoreProbe
    stream: StreamProbe
    keyspace: Keyspace
    attempts: list[tuple[float, str]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    must_wait: float = 0.0
    bad: bool = True
    freezes: bool = False

    @property
    def keys(self) -> set[str]:
        """The different keys of the attempts."""
        return {key for _, key in self.attempts}

    def note(self, route: Any) -> None:
        """Note an attempt."""
        self.attempts.append((time.monotonic(), route.request.headers.get("idempotency-key", "")))

    @property
    def http(self) -> HttpProbe:
        """A client of the API."""
        return HttpProbe(self.api.url)

    def counts(self) -> dict[str, int]:
        """Return the counted votes by option, as the database has them: results of the API may be two seconds old."""
        return dict(self.store.counts())

    def let_expire(self, prefix: str) -> None:
        """Expire the keys of Redis whose names begin with a prefix, as if their time had passed."""
        self.keyspace.let_expire([name for name in self.keyspace.lives() if name.startswith(prefix)])

    def open(self, prepare: Callable[[Any], None] = lambda _: None, *, at: str = "", **options: Any) -> Visitor:
        """Open the page in a new profile."""
        return self.browser.open(f"{at or self.api.url}/", prepare, **options)


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote that a scenario casts: its option, and the counts before."""

    option: str
    before: dict[str, int]


@pytest.fixture(scope="session")
def poll_system(
    settings: RunSettings, portal: BlockingPortal, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]
) -> Iterator[PollSystem]:
    """A system and a browser that live as long as the run."""
    browser = Browser()
    try:
        own = dataclasses.replace(settings, run=f"{settings.run}-page")
        with lifetime(open_target(own), measure, leftovers, ready="system for browsers ready") as target:
            for server in (target.redis, target.database):
                server.require_managed()
            api, consumer = target.new_api({}), target.new_consumer({"BLOCK_MS": "100"})
            for child in (api.process, consumer):
                child.start()
            probe_when_healthy(api)
            stream, keyspace = StreamProbe(target.redis.url), Keyspace(target.redis.url)
            yield target, api, consumer, browser, StoreProbe(target.database.url, portal), stream, keyspace
            stream.close()
            keyspace.close()
    finally:
        browser.close()


@pytest.fixture
def polls(poll_system: PollSystem) -> Iterator[Polls]:
    """The system of browsers, running and with every vote counted."""
    found = Polls(*poll_system)
    yield found
    found.consumer.resume()
    found.api.process.resume()
    found.browser.close_profiles()


def vote(visitor: Visitor, option: str) -> None:
    """Choose an option and press the button, as with a mouse."""

    def press(page: Any) -> None:
        page.get_by_label(option, exact=True).check()
        page.get_by_role("button", name="Vote", exact=True).click()

    visitor.do(press)


def note_attempts(polls: Polls) -> Callable[[Any], None]:
    """Return what notes the keys of a page's votes."""

    def note(route: Any) -> None:
        polls.note(route)
        route.continue_()

    return lambda page: page.route(VOTE, note)


def receipt(visitor: Visitor) -> str:
    """Return the receipt that the page shows."""
    return visitor.text("receipt")


def added(polls: Polls, before: dict[str, int], expected: dict[str, int]) -> dict[str, int]:
    """Return how many votes were counted by option since `before`, once they are as many as expected and no other vote waits."""

    def grown() -> dict[str, int]:
        return {option: count - before.get(option, 0) for option, count in polls.counts().items() if count != before.get(option, 0)}

    eventually(grown, lambda counts: counts == expected, within=COUNTED_SECONDS)
    polls.stream.wait_until_drained(within=COUNTED_SECONDS)
    return grown()


@pytest.fixture
def start_own(polls: Polls) -> Iterator[Callable[..., Api]]:
    """Start another API of the system of browsers, with its own variables; it stops with the scenario."""
    started: list[Api] = []

    def start(**env: str) -> Api:
        api = polls.target.new_api(env)
        api.process.start()
        started.append(api)
        probe_when_healthy(api)
        return api

    yield start
    for api in started:
        api.process.stop()
