"""The processors are watched while a session runs."""

import os
import time

from validation.pytest_plugin import processors
from validation.pytest_plugin.processors import ProcessorWatch


def test_work_is_seen_and_the_watch_ends() -> None:
    begun, watch = time.time(), ProcessorWatch()
    end = time.monotonic() + 2.5 * processors.EVERY_SECONDS
    while time.monotonic() < end:
        pass
    used = watch.end()
    cores = len(os.sched_getaffinity(0))
    assert abs(used.began - begun) < 1
    assert len(used.busy) == 2
    assert all(0.5 / cores < share <= 1 for share in used.busy)
    assert not watch._thread.is_alive()


def test_a_short_session_has_no_interval() -> None:
    assert ProcessorWatch().end().busy == []
