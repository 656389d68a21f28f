"""The parts of the system that scenarios use, and the faults that befall them."""

from collections.abc import Callable, Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from pytest_bdd import given, parsers, when

from validation.ballots import Ballots
from validation.probes.http import HttpProbe
from validation.probes.store import StoreProbe
from validation.probes.stream import StreamProbe
from validation.targets.base import Server, Target

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
def every_ballot() -> dict[Target, Ballots]:
    """Every vote that this run sent, by the system that it was sent to."""
    return {}


@pytest.fixture
def ballots(system: Target, every_ballot: dict[Target, Ballots]) -> Ballots:
    """Every vote that this run sent to this system."""
    return every_ballot.setdefault(system, Ballots())


@pytest.fixture
def http(system: Target) -> HttpProbe:
    """The API that voters use."""
    return HttpProbe(system.api.url)


@pytest.fixture
def afterwards(request: pytest.FixtureRequest) -> Callable[[Callable[[], object]], None]:
    """Take back what the scenario did, whatever happens to it."""
    return request.addfinalizer


def server(target: Target, name: str) -> Server:
    """The server that a step's text means."""
    found: Server = getattr(target, SERVERS[name])
    return found


@given(parsers.re(r"(?P<part>Redis|the database) is stopped"))
@when(parsers.re(r"(?P<part>Redis|the database) is stopped"))
def part_is_stopped(target: Target, part: str, afterwards: Callable[[Callable[[], object]], None]) -> None:
    afterwards(server(target, part).restore)
    server(target, part).stop()


@given(parsers.re(r"(?P<part>Redis|the database) is frozen"))
@when(parsers.re(r"(?P<part>Redis|the database) is frozen"))
def part_is_frozen(target: Target, part: str, afterwards: Callable[[Callable[[], object]], None]) -> None:
    afterwards(server(target, part).restore)
    server(target, part).pause()


@when(parsers.re(r"(?P<part>Redis|the database) is back"))
def part_is_back(target: Target, part: str) -> None:
    server(target, part).restore()
