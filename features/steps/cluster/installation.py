"""What is installed in the cluster, for the scenarios that are judged there."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from validation.core.settings import RunSettings
from validation.pytest_plugin.items import place_of
from validation.targets.cluster.installation import Installation
from validation.targets.cluster.snapshot import take
from validation.targets.lifetime import lifetime


@pytest.fixture(scope="session")
def installing(
    settings: RunSettings, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]
) -> Iterator[Future[Installation]]:
    """An installation of the chart that is on its way: our own, gone afterwards, or the one that was named."""
    names = {"ready": "cluster, from images to ready", "gone": "cluster, removed"}
    with ExitStack() as stays, ThreadPoolExecutor(1) as beside:
        yield beside.submit(lambda: stays.enter_context(lifetime(Installation(settings), measure, leftovers, **names)))


@pytest.fixture(autouse=True)
def installing_begins(request: pytest.FixtureRequest) -> None:
    """Begin to install with the first scenario, where one of this session is judged there: most of it is waiting."""
    if any(place_of(item) == "installed" for item in request.session.items):
        request.getfixturevalue("installing")


@pytest.fixture(scope="session")
def installed(installing: Future[Installation]) -> Installation:
    """A running installation of the chart."""
    return installing.result()


@pytest.fixture(autouse=True)
def snapshot(request: pytest.FixtureRequest, place: str) -> Iterator[None]:
    """Keep what the installation looked like when a scenario went wrong, before the next one changes it."""
    if place != "installed":
        yield
        return
    wanted = ("installed", "stream", "store", "settings", "went_wrong", "keep")
    installed, stream, store, settings, went_wrong, keep = map(request.getfixturevalue, wanted)
    yield
    if went_wrong():
        folder = settings.folder / "snapshots" / re.sub(r"\W+", "-", request.node.name)[:80]
        files = take(installed, folder, stream, store)
        keep(request.node.nodeid, [str(file.relative_to(settings.folder)) for file in files])
