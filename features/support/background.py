"""Work that runs in the background of a session, and the tags by which scenarios ask for it.

Most of this work is waiting, so it runs beside the scenarios. It begins with the first scenario of the session that it can run beside,
and a scenario that needs its result waits until it is done. Work that no scenario of the session asks for never begins.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from validation.pytest_plugin.items import checkpoints_of, is_scenario, needs, place_of, tags_of

FAULTS, HEARTBEAT, LIVENESS = "background_faults", "background_heartbeat", "background_liveness"
OUTAGES, QUIET = "background_outages", "background_quiet"
TAGS = {
    FAULTS: "its fault strikes in the background, in the fault environment",
    HEARTBEAT: "reads the result of the heartbeat trial, which runs in the background",
    OUTAGES: "reads the result of the outages of two consumers, which happen in the background",
    QUIET: "reads what a page heard and a consumer logged while nobody voted, which happens in the background",
    LIVENESS: "reads the result of the liveness trial in the cluster, which runs in the background",
}


@dataclass(frozen=True, slots=True)
class Work:
    """Work for the background.

    Attributes:
        fixture: the session fixture that begins it and holds a future of its result.
        asked_for: whether a scenario needs the result.
        can_begin: whether it can begin with a scenario: what it needs is then there, or about to be.
    """

    fixture: str
    asked_for: Callable[[pytest.Item], bool]
    can_begin: Callable[[pytest.Item], bool]


def tagged(tag: str) -> Callable[[pytest.Item], bool]:
    """Return a check whether a scenario has a tag."""
    return lambda item: item.get_closest_marker(tag) is not None


def anywhere(_: pytest.Item) -> bool:
    """Return True: the work needs nothing."""
    return True


def at_target(item: pytest.Item) -> bool:
    """Return whether a scenario runs on the target, which is then started."""
    return place_of(item) == "target" and "local" in needs(tags_of(item))


def beside(tag: str) -> Callable[[pytest.Item], bool]:
    """Return a check whether a scenario belongs to the checkpoint that needs the result: others may stop the servers of the target."""
    return lambda item: any(
        tagged(tag)(other) and checkpoints_of(other) == checkpoints_of(item) for other in item.session.items if is_scenario(other)
    )


def at_installation(item: pytest.Item) -> bool:
    """Return whether a scenario runs on the installation in the cluster."""
    return place_of(item) == "installed"


WORK = (
    Work("installing", asked_for=at_installation, can_begin=anywhere),
    Work("fault_runs", asked_for=tagged(FAULTS), can_begin=anywhere),
    Work("heartbeat_trial", asked_for=tagged(HEARTBEAT), can_begin=at_target),
    Work("outage_trial", asked_for=tagged(OUTAGES), can_begin=beside(OUTAGES)),
    Work("quiet_trial", asked_for=tagged(QUIET), can_begin=beside(QUIET)),
    Work("liveness_trial", asked_for=tagged(LIVENESS), can_begin=at_installation),
)
"""In the order in which it begins."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the tags as markers."""
    for tag, meaning in TAGS.items():
        config.addinivalue_line("markers", f"{tag}: {meaning}")


@pytest.fixture(scope="session")
def planned_work(request: pytest.FixtureRequest) -> tuple[Work, ...]:
    """The work that a scenario of this session asks for."""
    scenarios = [item for item in request.session.items if is_scenario(item)]
    return tuple(work for work in WORK if any(map(work.asked_for, scenarios)))


@pytest.hookimpl(trylast=True)
def pytest_bdd_before_scenario(request: pytest.FixtureRequest) -> None:
    """Begin the planned work that can begin with this scenario."""
    for work in request.getfixturevalue("planned_work"):
        if work.can_begin(request.node):
            request.getfixturevalue(work.fixture)
