"""Steps about an API that has had many clients, and is asked for connections by many at once."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pytest_bdd import given, parsers, then, when

from features.support.api import probe_when_healthy
from features.support.consumers import Running
from features.support.pipelining import statuses_in
from features.support.streams import OwnStream
from validation.core import inputs
from validation.core.waiting import consistently, eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import FaultProxy
from validation.probes.running import footprint
from validation.probes.running.event_stream import EventStream
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

REST_SECONDS, FOLLOWS_SECONDS, CONNECT_SECONDS, LEFT_SECONDS = 3.0, 10.0, 10.0, 10.0
SHARE_GROWTH = 0.015
"""Of one processor: by how much more an API that waits may be busy after its clients have left."""
SLOW_SECONDS = 0.01
"""Delay of each piece between the parts and the database, so that requests overlap."""
MOST = {"the API": {"Redis": 50, "the database": 4}, "the consumer": {"Redis": 4, "the database": 4}}
"""Connections of each part: the chart adds them up and refuses values that need more than its servers accept."""
ASKED = b"GET /ready HTTP/1.1\r\nHost: votecheck\r\nConnection: close\r\n\r\n"
VOTE = b'{"option":"cats"}'
VOTED = (
    b"POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nConnection: close\r\nContent-Type: application/json\r\n"
    b"X-Forwarded-For: 198.18.0.%d\r\nContent-Length: %d\r\n\r\n%s"
)


@dataclass
class Watched:
    """An API with a page that follows its results, and the share of a processor that it used at rest, after each crowd."""

    api: Api
    page: EventStream
    shares: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Measure how busy the API is while it only waits."""
        pid = self.api.process.pid
        before = footprint.of(pid).processor
        consistently(lambda: None, lambda _: True, during=REST_SECONDS, every=REST_SECONDS / 4)
        self.shares.append((footprint.of(pid).processor - before) / REST_SECONDS)


@given("an API with a page that follows its results", target_fixture="watched")
def watched_api(start_api: Callable[..., Api], afterwards: Callable[..., None]) -> Watched:
    api = start_api()
    probe_when_healthy(api)
    page = EventStream(f"{api.url}/api/results/stream")
    afterwards(page.close)
    page.start()
    return Watched(api, page)


@when(parsers.parse("{count:d} clients connect and leave, {times:d} times"))
def connect_and_leave(watched: Watched, count: int, times: int) -> None:
    inputs.note(f"{times} times {count} connections that are closed at once, beside one that stays")
    eventually(lambda: len(watched.page.everything), bool, within=FOLLOWS_SECONDS)
    held = footprint.of(watched.api.process.pid).descriptors
    watched.measure()
    for _ in range(times):
        for _ in range(count):
            _connected(watched.api).close()
        eventually(lambda: footprint.of(watched.api.process.pid).descriptors, lambda now: now <= held, within=LEFT_SECONDS)
        watched.measure()


@then("the API that waits is as little busy as before, and the page still follows")
def as_before(watched: Watched, observe: Observe) -> None:
    first, *later = watched.shares
    with observe.together():
        observe("the page follows", expected=True, observed=bool(watched.page.everything) and not watched.page.ended)
        observe(
            "share of a processor that the API needs at rest, after each crowd",
            expected=f"at most {first + SHARE_GROWTH:.3f}",
            observed=[round(share, 3) for share in later],
            holds=bool(later) and max(later) <= first + SHARE_GROWTH,
            evidence=f"before: {first:.3f}",
            remedy="system/api/connections.py: what is scheduled for each connection",
        )


@dataclass
class Between:
    """An API and a consumer, and the proxies to the servers of each."""

    api: Api
    consumer: Running
    proxies: dict[str, dict[str, FaultProxy]]
    statuses: list[str] = field(default_factory=list)


@given("an API with a rate limit and a consumer of its votes, both with a slow way to the database", target_fixture="between")
def slow_ways(
    target: LaunchingTarget,
    own: OwnStream,
    start_api: Callable[..., Api],
    start_consumer: Callable[..., Running],
    afterwards: Callable[..., None],
) -> Between:
    proxies: dict[str, dict[str, FaultProxy]] = {}
    for part in MOST:
        proxies[part] = {
            "Redis": proxy_to(target.redis.url, target.proxy_host),
            "the database": proxy_to(target.database.url, target.proxy_host),
        }
        for proxy in proxies[part].values():
            afterwards(proxy.close)
        proxies[part]["the database"].slow(SLOW_SECONDS)
    env = {
        part: {
            "REDIS_URL": url_through(target.redis.url, of["Redis"]),
            "DATABASE_URL": url_through(target.database.url, of["the database"]),
        }
        for part, of in proxies.items()
    }
    api = start_api(**env["the API"], RATE_LIMIT="1000/second", TRUSTED_PROXIES="127.0.0.0/8")
    probe_when_healthy(api)
    return Between(api, start_consumer(**own.env, **env["the consumer"], BATCH_SIZE="10"), proxies)


@when(parsers.parse("{asking:d} clients ask whether it is ready and {voting:d} vote, all at once"))
def all_at_once(between: Between, own: OwnStream, stream: StreamProbe, asking: int, voting: int) -> None:
    inputs.note(f"{asking} x GET /ready and {voting} x POST /api/vote, each on a connection of its own, all at once")
    requests = [ASKED] * asking + [VOTED % (number % 250, len(VOTE), VOTE) for number in range(voting)]
    clients = [_connected(between.api) for _ in requests]
    for client, request in zip(clients, requests, strict=True):
        client.sendall(request)
    for client in clients:
        read = b""
        while piece := client.recv(65536):
            read += piece
        between.statuses.append(statuses_in(read))
        client.close()
    own.wait_until_drained(stream)


@then("each part has opened no more connections than the chart counts on")
def no_more_than_counted(between: Between, observe: Observe) -> None:
    answered = sorted(set(between.statuses))
    with observe.together():
        observe("responses", expected=["200", "201"], observed=answered, timed=True)
        for part, most in MOST.items():
            for server, number in most.items():
                proxy = between.proxies[part][server]
                opened, ever = len(proxy.open), proxy.counters.connections
                observe(f"connections of {part} to {server}, ever", expected="at least one", observed=ever, holds=ever > 0)
                observe(f"connections of {part} to {server}", expected=f"at most {number}", observed=opened, holds=opened <= number,
                        remedy="MAX_CONNECTIONS, CONNECTIONS and chart/templates/refusals.yaml")  # fmt: skip


def _connected(api: Api) -> socket.socket:
    parts = urlsplit(api.url)
    return socket.create_connection((parts.hostname or "", parts.port or 80), CONNECT_SECONDS)
