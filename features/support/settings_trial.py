"""An API and a consumer with values of their own for every variable, on a database of Redis that is empty before and after.

They run from the source on this machine, whatever the target: a client chooses its address only where no published port stands between.
"""

import itertools
import secrets
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from features.support.parts import RedisConnections
from validation.core import inputs, protocol
from validation.core.waiting import eventually
from validation.probes.running.clients import Client, IdleConnection, all_at_once
from validation.probes.running.collector import Collector
from validation.probes.running.event_stream import EventStream
from validation.probes.running.http import Answer
from validation.probes.running.own_databases import RedisNumber, url_of
from validation.probes.running.redis_database import RedisDatabase
from validation.probes.running.stream import StreamProbe
from validation.targets.launching import READY_SECONDS, LaunchingTarget
from validation.targets.ports import free_port
from validation.targets.process import Child

ACCEPTED, CONNECTIONS, NOTICES_SECONDS = 201, 24, 5.0
CONSUMER_NAMES = frozenset(
    {"STREAM_NAME", "CONSUMER_GROUP", "CONSUMER_NAME", "BATCH_SIZE", "BLOCK_MS", "MAX_RETRIES", "CLAIM_IDLE_MS", "METRICS_PORT",
     "HEARTBEAT_FILE"}
)  # fmt: skip
TRACING_NAMES = frozenset(
    {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER",
     "OTEL_TRACES_SAMPLER_ARG"}
)  # fmt: skip
SHARED_NAMES = frozenset({"REDIS_URL", "DATABASE_URL", "VOTE_OPTIONS", "LOG_LEVEL"}) | TRACING_NAMES
DEFAULTS = {
    "VOTE_OPTIONS": ",".join(protocol.OPTIONS),
    "API_HOST": "127.0.0.1",
    "API_WORKERS": "1",
    "API_KEEP_ALIVE": "75",
    "ENVIRONMENT": "development",
    "CORS_ORIGINS": "",
    "IDEMPOTENCY_TTL": "3600",
    "ALLOW_REVOTE": "no",
    "REDIS_DURABILITY": "checked",
    "RATE_LIMIT": "",
    "RATE_LIMIT_IPV6_PREFIX": "64",
    "TRUSTED_PROXIES": "",
    "CLAIM_IDLE_MS": "30000",
    "METRICS_PORT": "0",
    "OTEL_SDK_DISABLED": "false",
    "OTEL_TRACES_SAMPLER": "parentbased_always_on",
    "OTEL_TRACES_SAMPLER_ARG": "1.0",
} | {name: value for name, value in protocol.CONSUMER_VARIABLES.items() if value is not None}
"""What a variable means when it is not set, as docs/reference/configuration.md says."""
LEVELS = ("debug", "info", "warning", "error", "critical")


@dataclass
class Trial:
    """One set of values, and the parts that run with them.

    Attributes:
        given: the variables that are set.
        stream, redis: the database of Redis that the parts use.
        default_stream: the database of Redis that parts use when the URL names no other.
        sent: vote id → option of every vote that was accepted, in order.
        not_counted: ids of votes that no consumer can count in this trial.
        before: the counts before the first vote.
        dead: stream ids that a dead consumer holds, `old` and `young`.
        key, remembered_at: an Idempotency-Key, and what was seen when it was new.
        token: makes its keys different from those of other trials.
        entries_elsewhere: the newest entry of other databases before the first vote.
        collector: where spans arrive, if they are sent.
    """

    given: dict[str, str]
    target: LaunchingTarget
    stream: StreamProbe
    redis: RedisDatabase
    default_stream: StreamProbe
    collector: Collector
    sent: dict[str, str] = field(default_factory=dict)
    not_counted: set[str] = field(default_factory=set)
    before: dict[str, int] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)
    key: str = ""
    remembered_at: dict[str, str] = field(default_factory=dict)
    entries_elsewhere: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Child] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_hex(4))
    _addresses: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def value(self, name: str) -> str:
        """Return a variable's value, or its default."""
        return self.given.get(name, DEFAULTS.get(name, ""))

    def values(self, name: str) -> list[str]:
        """Return the items of a variable that is a list."""
        return [item for item in self.value(name).split(",") if item]

    def number(self, name: str) -> int:
        """Return a variable's value as a number."""
        return int(self.value(name))

    @property
    def options(self) -> list[str]:
        """The options that may be voted for."""
        return self.values("VOTE_OPTIONS")

    @property
    def stream_name(self) -> str:
        """The stream that the consumer reads."""
        return self.value("STREAM_NAME")

    @property
    def dead_letters(self) -> str:
        """The stream of what it cannot count."""
        return self.stream_name + protocol.DEAD_SUFFIX

    @property
    def host(self) -> str:
        """An address of this machine at which the API listens."""
        return "127.0.0.1" if self.value("API_HOST") == "::" else self.value("API_HOST")

    @property
    def api(self) -> Child:
        """The API's process."""
        return self.parts["api"]

    @property
    def consumer(self) -> Child:
        """The consumer's process."""
        return self.parts["consumer"]

    def client(self, address: str = "", *headers: tuple[str, str]) -> Client:
        """Return a client with an address: a new one that nothing has used before, unless one is given."""
        number = next(self._addresses)
        return Client(self.host, self.number("API_PORT"), address or f"127.1.{number // 250}.{number % 250 + 1}", headers)

    def start(self, part: str) -> Child:
        """Start the `api` or the `consumer` with its variables."""
        others = CONSUMER_NAMES if part == "api" else frozenset(self.given) - CONSUMER_NAMES - SHARED_NAMES
        env = {name: value for name, value in self.given.items() if name not in others}
        inputs.note(inputs.settings(f"python -m system.{part}", env))
        child = Child(f"settings-{part}-{secrets.token_hex(3)}", [sys.executable, "-m", f"system.{part}"], self.target.folder,
                      self.target.source, env)  # fmt: skip
        self.parts[part] = child
        child.start()
        return child

    def wait_until_ready(self) -> str:
        """Wait until the API is ready, and return what /ready said last."""

        def ready() -> str:
            try:
                return str(self.client().send("GET", "/ready"))
            except Exception as error:  # noqa: BLE001 - not listening yet, or never: the caller observes it
                return str(error)

        return eventually(ready, lambda text: text.startswith("200"), within=READY_SECONDS, never=lambda _: not self.api.alive).value

    def record(self, option: str, answer: Answer) -> None:
        """Remember a vote if it was accepted."""
        if answer.status == ACCEPTED:
            self.sent[str(answer.json()["vote_id"])] = option

    def ask_all(self, method: str, path: str, body: str = "") -> list[Answer]:
        """Send a request on many connections at once, so that every process of the API gets some of them."""
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        request = f"{method} {path} HTTP/1.1\r\nHost: votecheck\r\nConnection: close\r\n{length}\r\n{body}".encode()
        return all_at_once([self.client() for _ in range(CONNECTIONS)], [request] * CONNECTIONS)

    @contextmanager
    def unsafe_redis(self) -> Iterator[list[int]]:
        """Make Redis sync to disk once a second for a while, and yield the statuses of votes once every process has noticed."""
        before = self.stream.settings("appendfsync")["appendfsync"]
        self.stream.configure("appendfsync", "everysec")

        def votes() -> list[int]:
            self.ask_all("GET", "/ready")
            answers = self.ask_all("POST", "/api/vote", f'{{"option":"{self.options[-1]}"}}')
            for answer in answers:
                self.record(self.options[-1], answer)
            return sorted({answer.status for answer in answers})

        try:
            yield eventually(votes, lambda statuses: len(statuses) == 1, within=NOTICES_SECONDS).value
        finally:
            self.stream.configure("appendfsync", before)
            self.ask_all("GET", "/ready")

    def relay(self) -> int:
        """Copy the API's entries to the stream that the consumer reads, if that is another one, and return how many there are."""
        entries = [fields for _, fields in self.stream.entries_after(protocol.STREAM)]
        if self.stream_name != protocol.STREAM:
            self.stream.add_many(self.stream_name, entries)
        return len(entries)

    def entry(self, option: str, vote_id: str = "") -> dict[str, str]:
        """Return an entry as the API writes it."""
        return {"option": option, "timestamp": "1700000000000", "request_id": vote_id or str(uuid.uuid4())}


@dataclass
class Watches:
    """What is watched from the beginning of a trial: a connection that idles, and the live results."""

    idle: IdleConnection
    live: EventStream


@pytest.fixture
def new_trial(target: LaunchingTarget, redis_connections: RedisConnections) -> Iterator[Callable[[Mapping[str, str]], Trial]]:
    """Prepare a trial with values; its parts stop, and its database of Redis is empty again, when the scenario ends."""
    for server in (target.redis, target.database):
        server.require_managed()
    url = url_of(target.redis.url, RedisNumber.SETTINGS)
    stream, redis, collector = StreamProbe(url), RedisDatabase(url), Collector("127.0.0.1")
    started: list[Trial] = []

    def prepare(values: Mapping[str, str]) -> Trial:
        fixed = {"REDIS_URL": url, "DATABASE_URL": target.database.url, "API_PORT": str(free_port())}
        own = {"HEARTBEAT_FILE": str(target.folder / f"settings-heartbeat-{secrets.token_hex(3)}")}
        chosen = {name: str(free_port()) if value == "(free)" else value for name, value in values.items()}
        chosen = {name: value.replace("(collector)", collector.url) for name, value in chosen.items()}
        trial = Trial(chosen | fixed | own, target, stream, redis, redis_connections.to(target), collector)
        started.append(trial)
        return trial

    redis.clear()
    yield prepare
    for trial in started:
        for part in trial.parts.values():
            part.stop()
    redis.clear()
    redis.close()
    stream.close()
    collector.close()
