"""An API and a consumer of a scenario's own, on a database of Redis that is empty before and after, and a collector of their spans."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from features.support.api import probe_when_healthy
from features.support.marked import MarkedClient, new_mark
from validation.core import protocol
from validation.probes.running.clients import Client
from validation.probes.running.collector import Collector, Span
from validation.probes.running.http import Answer
from validation.probes.running.own_databases import RedisNumber, url_of
from validation.probes.running.redis_database import RedisDatabase
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

OPTIONS = ("quincebush", "medlartree")
"""Words that occur nowhere else, so that an option in a span is found."""
ARRIVES_SECONDS = 10.0


@dataclass
class Voter:
    """A vote: what was sent, and the response to it."""

    what: str
    client: MarkedClient
    traceparents: tuple[str, ...]
    answer: Answer

    @property
    def vote_id(self) -> str:
        """The id of the vote; empty if it was refused."""
        return str((self.answer.json() or {}).get("vote_id", ""))

    @property
    def stream_id(self) -> str:
        """The id of its entry; empty if it was refused."""
        return str((self.answer.json() or {}).get("stream_id", ""))


@dataclass
class TracedSystem:
    """The parts, the collector, and what was sent."""

    api: Api
    consumer: Child
    stream: StreamProbe
    collector: Collector | None
    mark: str = field(default_factory=new_mark)
    voters: list[Voter] = field(default_factory=list)

    def vote(self, what: str, *traceparents: str, key: str = "") -> Voter:
        """Cast a vote as a new client with each of these headers."""
        client = MarkedClient(self.mark, len(self.voters) + 1)
        parts = urlsplit(self.api.url)
        headers = [(name, value) for name, value in client.headers.items() if name != "Idempotency-Key"]
        headers += [("Content-Type", "application/json"), *([("Idempotency-Key", key)] if key else [])]
        headers += [("traceparent", one) for one in traceparents]
        sender = Client(parts.hostname or "", parts.port or 0, "127.0.0.1")
        body = b'{"option":"%s"}' % OPTIONS[len(self.voters) % 2].encode()
        voter = Voter(what, client, traceparents, sender.send("POST", client.path, headers, body))
        self.voters.append(voter)
        return voter

    def entry(self, voter: Voter) -> dict[str, str]:
        """Return the entry of a vote."""
        return self.stream.entry(protocol.STREAM, voter.stream_id) or {}

    def spans_of(self, vote_id: str) -> list[Span]:
        """Return the spans of a vote, the API's first."""
        found = self.collector.spans() if self.collector else []
        return sorted((one for one in found if one.attributes.get("vote_id") == vote_id), key=lambda one: one.kind != "SERVER")

    @property
    def processes(self) -> dict[str, Child]:
        """Both parts by name."""
        return {"API": self.api.process, "consumer": self.consumer}


def loaded_protobuf(pid: int) -> bool:
    """Return whether a process has loaded the library that encodes spans."""
    return "/google/_upb/" in Path(f"/proc/{pid}/maps").read_text()


@pytest.fixture
def start_traced(target: LaunchingTarget, afterwards: Callable[..., None]) -> Iterator[Callable[..., TracedSystem]]:
    """Start the parts with variables of their own."""
    for server in (target.redis, target.database):
        server.require_managed()
    url = url_of(target.redis.url, RedisNumber.TRACES)
    redis, stream = RedisDatabase(url), StreamProbe(url)

    def start(collector: Collector | None, **env: str) -> TracedSystem:
        common = {"REDIS_URL": url, "VOTE_OPTIONS": ",".join(OPTIONS), "LOG_LEVEL": "DEBUG"} | env
        api = target.new_api(common | {"TRUSTED_PROXIES": "0.0.0.0/0"})
        consumer = target.new_consumer(common | {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "300", "MAX_RETRIES": "1"})
        for part in (api.process, consumer):
            afterwards(part.stop)
            part.start()
        probe_when_healthy(api)
        return TracedSystem(api, consumer, stream, collector)

    redis.clear()
    afterwards(redis.clear)
    stream.deliver(protocol.STREAM, "votecheck-auditors", "votecheck", 1)  # a group that has read nothing: no entry is trimmed
    yield start
    redis.close()
    stream.close()


@pytest.fixture
def new_collector(target: LaunchingTarget, afterwards: Callable[..., None]) -> Callable[..., Collector]:
    """Start a collector that the parts can reach; it is closed when the scenario ends."""

    def start(*, silent: bool = False) -> Collector:
        collector = Collector(target.proxy_host or "127.0.0.1", silent=silent)
        afterwards(collector.close)
        return collector

    return start
