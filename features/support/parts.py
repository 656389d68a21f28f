"""The parts of the system that scenarios use: the API, the stream, the database, and the votes sent to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from validation.faults.reconciliation import SentVotes
from validation.hops.tracer import Tracer
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Server, Target
from validation.targets.launching import LaunchingTarget

SERVERS = {"Redis": "redis", "the database": "database"}


@dataclass
class RedisConnections:
    """One connection to the Redis of each system, opened on first use."""

    _opened: dict[Target, StreamProbe] = field(default_factory=dict)

    def to(self, system: Target) -> StreamProbe:
        """Return the connection to a system's Redis."""
        if system not in self._opened:
            self._opened[system] = StreamProbe(system.redis.url)
        return self._opened[system]

    def close(self) -> None:
        """Close all of them."""
        for probe in self._opened.values():
            probe.close()


@dataclass
class VotesOfRun:
    """Every vote that this run sent, by the system that it was sent to."""

    _sent: dict[Target, SentVotes] = field(default_factory=dict)

    def to(self, system: Target) -> SentVotes:
        """Return the votes that were sent to a system."""
        return self._sent.setdefault(system, SentVotes())


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """The event loop through which synchronous steps call the database driver."""
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture
def system(request: pytest.FixtureRequest, place: str) -> Target:
    """The system that this scenario votes on: the target, or the installation in the cluster."""
    found: Target = request.getfixturevalue(place)
    return found


@pytest.fixture(scope="session")
def redis_connections() -> Iterator[RedisConnections]:
    """The connections of the session."""
    connections = RedisConnections()
    yield connections
    connections.close()


@pytest.fixture
def stream(system: Target, redis_connections: RedisConnections) -> StreamProbe:
    """The Redis that the API writes to."""
    return redis_connections.to(system)


@pytest.fixture
def store(system: Target, portal: BlockingPortal) -> StoreProbe:
    """The database that the consumer writes to."""
    return StoreProbe(system.database.url, portal)


@pytest.fixture
def tracer(system: Target, redis_connections: RedisConnections, portal: BlockingPortal) -> Tracer:
    """Says at which hop a vote was last seen, with what can be read here."""
    logs = system.consumer_logs if isinstance(system, LaunchingTarget) else lambda _: {}
    return Tracer(lambda: redis_connections.to(system), lambda: StoreProbe(system.database.url, portal), logs=logs)


@pytest.fixture(scope="session")
def votes_of_run() -> VotesOfRun:
    """The votes of the session."""
    return VotesOfRun()


@pytest.fixture
def sent_votes(system: Target, votes_of_run: VotesOfRun) -> SentVotes:
    """Every vote that this run sent to this system."""
    return votes_of_run.to(system)


@pytest.fixture
def http(system: Target) -> HttpProbe:
    """The API that voters use."""
    return HttpProbe(system.api.url)


@pytest.fixture
def afterwards(request: pytest.FixtureRequest) -> Callable[[Callable[[], object]], None]:
    """Register a function that undoes what the scenario did, whatever its outcome."""
    return request.addfinalizer


def server(target: LaunchingTarget, name: str) -> Server:
    """Return the server that a step names."""
    found: Server = getattr(target, SERVERS[name])
    return found


def vote_id(answer: Answer) -> str:
    """Return the vote_id of a response; empty without one."""
    body = answer.json() or {}
    return str(body.get("vote_id", "")) if isinstance(body, dict) else ""


def record_vote(sent_votes: SentVotes, key: str, option: str, answer: Answer) -> None:
    """Record a vote and the response to it."""
    body = answer.json() or {}
    stream_id = str(body.get("stream_id", "")) if isinstance(body, dict) else ""
    sent_votes.record(key, option, answer.status, vote_id(answer), stream_id)
