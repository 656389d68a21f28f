"""The heartbeat trial: a consumer that is idle, then frozen, then resumed, while the command of its liveness probe runs over and over.

A heartbeat may be three times as old as the longest wait of the loop, 15.3 s with the shortest settings. So there is one trial for each
session, in the background.
"""

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from validation.core.waiting import Waited, consistently, eventually
from validation.targets.launching import LaunchingTarget

STARTS_SECONDS = 15.0
RED_SECONDS = 35.0
HEALS_SECONDS = 15.0
POLL_SECONDS = 2.0
IDLE_SECONDS = 17.0
"""Longer than a heartbeat of these settings may be old, 15.3 s: the heartbeat of a loop that only waits must be renewed meanwhile."""


@dataclass(frozen=True, slots=True)
class HeartbeatTrial:
    """The exit codes of the heartbeat command over time, and how long each change took."""

    idle: Waited[int]
    frozen: Waited[int]
    resumed: Waited[int]


@pytest.fixture(scope="session")
def heartbeat_trial(target: LaunchingTarget) -> Iterator[Future[HeartbeatTrial]]:
    """Begin the trial; the future has its result."""
    with ExitStack() as cleanup, ThreadPoolExecutor(1) as pool:
        yield pool.submit(_run, target, cleanup)


def _run(target: LaunchingTarget, cleanup: ExitStack) -> HeartbeatTrial:
    target.redis.require_managed()
    consumer = target.new_consumer({"STREAM_NAME": "votecheck:idle", "CONSUMER_GROUP": "votecheck-idle", "BLOCK_MS": "100"})
    cleanup.callback(consumer.stop)

    def heartbeat() -> int:
        return consumer.ask("python", "-m", "system.consumer.heartbeat", within=20.0).returncode

    consumer.start()
    started = eventually(heartbeat, lambda code: code == 0, within=STARTS_SECONDS, every=POLL_SECONDS)
    idle = consistently(heartbeat, lambda code: code == 0, during=IDLE_SECONDS, every=POLL_SECONDS) if started.held else started
    consumer.send(signal.SIGSTOP)  # only the loop: nothing can run the command in a container that is paused as a whole
    frozen = eventually(heartbeat, lambda code: code != 0, within=RED_SECONDS, every=POLL_SECONDS)
    consumer.send(signal.SIGCONT)
    return HeartbeatTrial(idle, frozen, eventually(heartbeat, lambda code: code == 0, within=HEALS_SECONDS, every=POLL_SECONDS))
