"""A voting system of their own for browsers, and the browser."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from features.support.api import probe_when_healthy
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.probes.running.browser import Browser, Visitor
from validation.probes.running.http import HttpProbe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.lifetime import lifetime
from validation.targets.opening import open_target
from validation.targets.process import Child

COUNTED_SECONDS = 10.0
LONGEST_NAME = "n" * 64
HTML_NAME, RTL_NAME = "<img src=x onerror=document.title=1>", "خيار من اليمين إلى اليسار"
VOTE, RECEIPT, RESULTS, LIVE = "**/api/vote", "**/api/votes/*", "**/api/results", "**/api/results/stream"


@dataclass
class Polls:
    """The system that browsers vote on.

    Attributes:
        attempts: when routed pages have sent a vote, in monotonic seconds, and its Idempotency-Key.
        bad: whether routed votes meet a bad day.
        freezes: whether the server freezes before the vote.
    """

    target: LaunchingTarget
    api: Api
    consumer: Child
    browser: Browser
    attempts: list[tuple[float, str]] = field(default_factory=list)
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
        """Return the counted votes by option, as the API tells them."""
        body = self.http.send("GET", "/api/results").json() or {}
        return {row["option"]: row["count"] for row in body.get("results", [])}

    def open(self, prepare: Callable[[Any], None] = lambda _: None, *, at: str = "", **options: Any) -> Visitor:
        """Open the page in a new profile."""
        return self.browser.open(f"{at or self.api.url}/", prepare, **options)


@pytest.fixture(scope="session")
def poll_system(
    settings: RunSettings, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]
) -> Iterator[tuple[LaunchingTarget, Api, Child, Browser]]:
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
            yield target, api, consumer, browser
    finally:
        browser.close()


@pytest.fixture
def polls(poll_system: tuple[LaunchingTarget, Api, Child, Browser]) -> Iterator[Polls]:
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


def receipt(visitor: Visitor) -> str:
    """Return the receipt that the page shows."""
    return visitor.text("receipt")


def added(polls: Polls, before: dict[str, int], expected: dict[str, int]) -> dict[str, int]:
    """Return how many votes were counted by option since `before`, once they are as many as expected and a moment later still."""

    def grown() -> dict[str, int]:
        return {option: count - before.get(option, 0) for option, count in polls.counts().items() if count != before.get(option, 0)}

    return eventually(grown, lambda counts: counts == expected, within=COUNTED_SECONDS).value


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
