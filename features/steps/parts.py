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


@pytest.fixture(scope="session")
def stream(target: Target) -> Iterator[StreamProbe]:
    """The Redis that the API writes to."""
    probe = StreamProbe(target.redis.url)
    yield probe
    probe.close()


@pytest.fixture(scope="session")
def store(target: Target, portal: BlockingPortal) -> StoreProbe:
    """The database that the consumer writes to."""
    return StoreProbe(target.database.url, portal)


@pytest.fixture(scope="session")
def ballots() -> Ballots:
    """Every vote that this run sent."""
    return Ballots()


@pytest.fixture
def http(target: Target) -> HttpProbe:
    """The API that voters use."""
    return HttpProbe(target.api.url)


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
