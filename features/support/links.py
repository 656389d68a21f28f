"""An API for browsers whose links can fail: the one to the browser, and those to its servers."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from features.support.api import probe_when_healthy
from features.support.browsing import PollSystem
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import Breakpoint, FaultProxy
from validation.faults.proxy.traffic import Command
from validation.targets.base import Api

REACHED_SECONDS = 8.0
DELAY_SECONDS = 1.8
"""For each piece: a request, the head of its response, its body. The head of a vote then comes later than the page calls usual."""
BROWSER, REDIS, DATABASE = "the browser and the API", "the API and Redis", "the API and the database"
VOTES: dict[str, Callable[[Command], bool]] = {
    BROWSER: lambda command: command.words == ("POST", "/api/vote"),
    REDIS: lambda command: any(word.startswith("votes:key:") for word in command.words[3:5]),
}
"""How a vote with a key looks on a link."""
LIMIT = 30
LIMIT_KEYS = "votes:limit"
COUNTERS = {"is slow": "delayed", "freezes": "swallowed_bytes", "is cut in mid-reply": "closed"}


@dataclass
class Links:
    """The API behind its links, by the names of their ends.

    Attributes:
        url: where a browser finds the API.
        env: variables of another API with the same links to the servers.
        failed: the link that failed last.
        effect: what the fault did, as the link's proxy counted it.
    """

    url: str
    env: Mapping[str, str]
    proxies: Mapping[str, FaultProxy]
    failed: str = ""
    effect: int = 0
    _count: Callable[[], int] = lambda: 0

    def fail(self, ends: str, fault: str, cause: Callable[[], None]) -> None:
        """Make a link fail, and cause traffic on it."""
        proxy, counter, self.failed = self.proxies[ends], COUNTERS[fault], ends
        before = getattr(proxy.counters, counter)
        if fault == "is cut in mid-reply":
            cut = self.cut_reply(ends)
            cause()
            if cut.wait(REACHED_SECONDS).held:
                cut.drop()
        else:
            proxy.slow(DELAY_SECONDS) if fault == "is slow" else proxy.blackhole(True)
            cause()
        self._count = lambda: getattr(proxy.counters, counter) - before

    def cut_reply(self, ends: str) -> Breakpoint:
        """Return the place at which the reply to the next vote waits, to be dropped."""
        return self.proxies[ends].break_at(VOTES[ends], side="reply")

    def heal(self) -> None:
        """Restore every link, and remember what the fault has done."""
        self.effect = self._count()
        for proxy in self.proxies.values():
            proxy.heal()


@pytest.fixture(scope="session")
def links_of_run(poll_system: PollSystem) -> Iterator[Links]:
    """An API with proxies on all its links, as long as the run. Redis knows its script: a cut reply is that to a vote."""
    target, stream = poll_system[0], poll_system[5]
    redis, database = (proxy_to(server.url, target.proxy_host) for server in (target.redis, target.database))
    env = {"REDIS_URL": url_through(target.redis.url, redis), "DATABASE_URL": url_through(target.database.url, database)}
    api = target.new_api(env)
    api.process.start()
    probe_when_healthy(api).vote("cats", secrets.token_hex(16))
    stream.wait_until_drained(within=REACHED_SECONDS)
    browser = proxy_to(api.url)
    yield Links(url_through(api.url, browser), env, {BROWSER: browser, REDIS: redis, DATABASE: database})
    api.process.stop()
    for proxy in (browser, redis, database):
        proxy.close()


@pytest.fixture(scope="session")
def limited_api(poll_system: PollSystem, links_of_run: Links) -> Iterator[Api]:
    """An API with a limit for each address, whose links to its servers can fail."""
    api = poll_system[0].new_api({**links_of_run.env, "RATE_LIMIT": f"{LIMIT}/minute"})
    api.process.start()
    probe_when_healthy(api)
    yield api
    api.process.stop()


@pytest.fixture
def links(links_of_run: Links) -> Iterator[Links]:
    """The same API, with links that work again after the scenario."""
    yield links_of_run
    links_of_run.heal()
