"""The parts of the system that scenarios use, and the faults that befall them."""

from collections.abc import Callable, Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.base import Server, Target
from validation.targets.launching import LaunchingTarget

SERVERS = {"Redis": "redis", "the database": "database"}


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """The one event loop that synchronous steps call the database driver through."""
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture
def system(request: pytest.FixtureRequest, place: str) -> Target:
    """The system that this scenario votes on: the target, or what is installed in the cluster."""
    found: Target = request.getfixturevalue(place)
    return found


@pytest.fixture(scope="session")
def streams() -> Iterator[dict[Target, StreamProbe]]:
    """The connections to each system's Redis, made when they are first asked for."""
    made: dict[Target, StreamProbe] = {}
    yield made
    for probe in made.values():
        probe.close()


@pytest.fixture
def stream(system: Target, streams: dict[Target, StreamProbe]) -> StreamProbe:
    """The Redis that the API writes to."""
    if system not in streams:
        streams[system] = StreamProbe(system.redis.url)
    return streams[system]


@pytest.fixture
def store(system: Target, portal: BlockingPortal) -> StoreProbe:
    """The database that the consumer writes to."""
    return StoreProbe(system.database.url, portal)


@pytest.fixture(scope="session")
def all_sent_votes() -> dict[Target, SentVotes]:
    """Every vote that this run sent, by the system that it was sent to."""
    return {}


@pytest.fixture
def sent_votes(system: Target, all_sent_votes: dict[Target, SentVotes]) -> SentVotes:
    """Every vote that this run sent to this system."""
    return all_sent_votes.setdefault(system, SentVotes())


@pytest.fixture
def http(system: Target) -> HttpProbe:
    """The API that voters use."""
    return HttpProbe(system.api.url)


@pytest.fixture
def afterwards(request: pytest.FixtureRequest) -> Callable[[Callable[[], object]], None]:
    """Take back what the scenario did, whatever happens to it."""
    return request.addfinalizer


def server(target: LaunchingTarget, name: str) -> Server:
    """The server that a step's text means."""
    found: Server = getattr(target, SERVERS[name])
    return found
