"""The installation in the cluster, for the scenarios that run there."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from validation.core.settings import RunSettings
from validation.record.subject import Subject
from validation.targets.cluster.installation import Installation
from validation.targets.cluster.snapshot import take
from validation.targets.identity import identified
from validation.targets.lifetime import lifetime


@pytest.fixture(scope="session")
def installing(
    settings: RunSettings,
    measure: Callable[[str, float, str], None],
    leftovers: Callable[[str], None],
    seen: Callable[[Subject], None],
) -> Iterator[Future[Installation]]:
    """Begin to install the chart, and remove it afterwards; or look up the named release, which stays as it is."""
    names = {"ready": "cluster, from images to ready", "gone": "cluster, removed"}
    with ExitStack() as cleanup, ThreadPoolExecutor(1) as pool:

        def install() -> Installation:
            installation = cleanup.enter_context(lifetime(Installation(settings), measure, leftovers, **names))
            cleanup.enter_context(identified(installation, seen))
            return installation

        yield pool.submit(install)


@pytest.fixture(scope="session")
def installed(installing: Future[Installation]) -> Installation:
    """A running installation of the chart."""
    return installing.result()


@pytest.fixture(autouse=True)
def snapshot(request: pytest.FixtureRequest, place: str) -> Iterator[None]:
    """Keep the state of the installation when a scenario went wrong, before the next scenario changes it."""
    if place != "installed":
        yield
        return
    names = ("installed", "stream", "store", "settings", "went_wrong", "keep")
    installed, stream, store, settings, went_wrong, keep = map(request.getfixturevalue, names)
    yield
    if went_wrong():
        folder = settings.folder / "snapshots" / re.sub(r"\W+", "-", request.node.name)[:80]
        files = take(installed, folder, stream, store)
        keep(request.node.nodeid, [str(file.relative_to(settings.folder)) for file in files])
