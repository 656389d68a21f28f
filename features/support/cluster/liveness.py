"""The liveness trial in the cluster: does the kubelet restart a consumer whose loop hangs, and leave an idle one alone?"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from validation.targets.cluster import liveness_trial as trial
from validation.targets.cluster.installation import Installation
from validation.targets.cluster.liveness_trial import LivenessTrial


@pytest.fixture(scope="session")
def liveness_trial(installed: Installation) -> Iterator[Future[LivenessTrial]]:
    """Begin the trial; the future has its result."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(trial.run, installed, ended.is_set)
        ended.set()
