"""What is installed in the cluster, for the scenarios that are judged there."""

import time
from collections.abc import Callable, Iterator

import pytest

from validation.cluster.installation import Installation
from validation.settings import RunSettings


@pytest.fixture(scope="session")
def installed(
    settings: RunSettings, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]
) -> Iterator[Installation]:
    """A running installation of the chart: our own, gone afterwards, or the one that was named."""
    installation = Installation(settings)
    begun = time.monotonic()
    try:
        installation.start()
        measure("cluster, from images to ready", time.monotonic() - begun, "s")
        yield installation
    finally:
        begun = time.monotonic()
        for problem in installation.close():
            leftovers(problem)
        measure("cluster, removed", time.monotonic() - begun, "s")
