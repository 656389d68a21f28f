"""A voting system of a scenario's own: its own Redis database and PostgreSQL database, reached by fault proxies, on clocks that can be set.

Other applications share both databases, and a second group reads the stream.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from features.support.api import probe_when_healthy
from validation.core import protocol
from validation.core.errors import TargetUnavailable
from validation.faults.clock import on_clock, turn
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import FaultProxy
from validation.probes.running.event_stream import EventStream
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.own_databases import RedisNumber, new_database, url_of
from validation.probes.running.redis_server import RedisServer
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port
from validation.targets.process import Child

MIGRATE_SECONDS = 30.0
DAY = 86_400.0
AHEAD = {"api": (DAY, -DAY, 2 * DAY), "consumer": (2 * DAY, -2 * DAY, DAY)}
"""Seconds by which the clock of a part is ahead: at its start, and after each turn."""
LIMIT = 4
OURS = ("votes",)
FOREIGN_KEYS = (
    ("HSET", "shop:cart", "apples", "3"),
    ("RPUSH", "jobs", "first", "second"),
    ("SET", "session:1", "open", "EX", "86400"),
    ("XADD", "audit", "1-1", "event", "login"),
    ("XADD", "audit", "1-2", "event", "logout"),
    ("XGROUP", "CREATE", "audit", "readers", "0"),
    ("XADD", "poll:dead", "1-1", "option", "cats"),
)
FOREIGN_TABLES = """
create table orders (id int primary key, note text not null);
insert into orders select n, 'order ' || n from generate_series(1, 50) as n;
create schema archive; create table archive.votes (option text, count bigint); insert into archive.votes values ('cats', 7)
"""
OTHER_TIME_ZONE = """
do $$ begin execute format('alter database %I set timezone = %L', current_database(), 'Pacific/Chatham'); end $$
"""
FOREIGN_ROWS = """
select (select count(*) from orders)::text || ' orders, ' || (select md5(string_agg(id || note, ',' order by id)) from orders) || ', '
  || (select string_agg(option || count, ',') from archive.votes) as told
"""


@pytest.fixture
def create_database(target: LaunchingTarget, portal: BlockingPortal, afterwards: Callable[..., None]) -> Callable[[], str]:
    """Create an empty PostgreSQL database that lives as long as the scenario, and return its URL."""
    target.database.require_managed()
    owned = ExitStack()
    afterwards(owned.close)
    return lambda: owned.enter_context(new_database(target.database.url, portal))


@dataclass
class OwnSystem:
    """The parts, and what was sent to them.

    Attributes:
        promised: id → option of each vote that must be counted.
        accepted: responses with 201, repeats included.
        malformed: stream ids of the entries that are not votes.
    """

    api: Api
    http: HttpProbe
    consumer: Child
    metrics: HttpProbe
    redis: FaultProxy
    database: FaultProxy
    stream: StreamProbe
    store: StoreProbe
    keys: RedisServer
    promised: dict[str, str] = field(default_factory=dict)
    accepted: int = 0
    malformed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    _clients: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def counts(self) -> dict[str, int]:
        """The votes that must be counted, by option."""
        votes = list(self.promised.values())
        return {option: votes.count(option) for option in protocol.OPTIONS}

    def ask(self, method: str, path: str, client: str = "", headers: Mapping[str, str] | None = None, content: bytes = b"") -> Answer:
        """Send a request as a client with an address of its own, unless it is given: each has a limit."""
        number = next(self._clients)
        address = client or f"10.1.{number // 250}.{number % 250}"
        return self.http.send(method, path, headers={"X-Forwarded-For": address} | dict(headers or {}), content=content)

    def vote(self, option: str, key: str = "", client: str = "") -> Answer:
        """Cast a vote, and remember what was promised."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        answer = self.ask("POST", "/api/vote", client, headers, b'{"option": "%s"}' % option.encode())
        receipt = answer.json() or {}
        if answer.status == 201:  # noqa: PLR2004
            self.accepted += 1
            if receipt.get("vote_id") not in self.promised:
                self.added.append(str(receipt.get("stream_id")))
            self.promised[str(receipt.get("vote_id"))] = option
        return answer

    def add_others(self, votes: int) -> None:
        """Add what another producer adds: votes with a field of its own, the first two read by a consumer that dies; then no vote."""
        for _ in range(votes):
            vote_id = str(uuid.uuid4())
            fields = {"option": "cats", "timestamp": "1700000000000", "request_id": vote_id, "source": "kiosk"}
            self.added.append(self.stream.add(protocol.STREAM, fields))
            self.promised[vote_id] = "cats"
        self.stream.deliver(protocol.STREAM, protocol.GROUP, "votecheck-dead", 2)
        self.malformed.append(self.stream.add(protocol.STREAM, {"option": "cats", "request_id": "7"}))
        self.added.append(self.malformed[-1])

    def take_servers_away(self, *, silent: bool) -> None:
        """Silence both servers, or refuse every connection to them and reset those that are open."""
        for proxy in (self.redis, self.database):
            if silent:
                proxy.blackhole(True)
            else:
                proxy.refuse(True)
                proxy.reset()

    def turn_clocks(self) -> None:
        """Set both clocks to their next times."""
        for child in (self.api.process, self.consumer):
            turn(child)

    def shown(self) -> dict[str, int] | int:
        """Return the counts that voters read, or the status of a response without counts."""
        answer = self.ask("GET", "/api/results")
        return counts_of(answer.json()) if answer.status == 200 else answer.status  # noqa: PLR2004

    def follow(self, last_event_id: str = "") -> EventStream:
        """Follow the live results."""
        number = next(self._clients)
        headers = {"X-Forwarded-For": f"10.2.0.{number % 250}"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        live = EventStream(f"{self.http.url}/api/results/stream", headers)
        live.start()
        return live


def counts_of(results: Any) -> dict[str, int]:
    """Return the counts of the body of a results response, by option."""
    return {row["option"]: row["count"] for row in (results or {}).get("results", [])}


@pytest.fixture
def own_system(
    target: LaunchingTarget, portal: BlockingPortal, create_database: Callable[[], str], afterwards: Callable[..., None]
) -> OwnSystem:
    """Start a system with an empty schema, beside the data of other applications, in a database of another time zone."""
    target.redis.require_managed()
    redis_url, database_url = url_of(target.redis.url, RedisNumber.AGAIN), create_database()
    keys, stream, store = RedisServer(redis_url), StreamProbe(redis_url), StoreProbe(database_url, portal)
    proxies = proxy_to(redis_url, target.proxy_host), proxy_to(database_url, target.proxy_host)
    env = {"REDIS_URL": url_through(redis_url, proxies[0]), "DATABASE_URL": url_through(database_url, proxies[1])}
    port = free_port()
    limited = {"RATE_LIMIT": f"{LIMIT}/hour", "TRUSTED_PROXIES": "0.0.0.0/0"}
    api = target.new_api(env | limited)
    consumer = target.new_consumer(env | {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "300", "METRICS_PORT": str(port)})
    for undo in (keys.close, stream.close, keys.empty, *(proxy.close for proxy in proxies), consumer.stop, api.process.stop):
        afterwards(undo)
    keys.empty()
    for words in FOREIGN_KEYS:
        keys.put(*words)
    store.run(OTHER_TIME_ZONE, FOREIGN_TABLES)
    on_clock(consumer, "consumer", AHEAD["consumer"]).start()
    on_clock(api.process, "api", AHEAD["api"]).start()
    migrated = consumer.ask("python", "-m", "system.db.migrate", within=MIGRATE_SECONDS)
    if migrated.returncode:
        raise TargetUnavailable(f"The migration failed: {migrated.stderr.strip()[-300:]}")
    http, metrics = probe_when_healthy(api), HttpProbe(f"http://127.0.0.1:{port}")
    return OwnSystem(api, http, consumer, metrics, *proxies, stream, store, keys)
