"""The heartbeat trial: a consumer that is idle, then frozen, then resumed, while the command of its liveness probe runs over and over.

A heartbeat may be three times as old as the longest wait of the loop, 15.3 s with the shortest settings. So there is one trial for each
session, in the background.
"""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from validation.core.waiting import Waited, consistently, eventually
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

STARTS_SECONDS = 15.0
RED_SECONDS = 35.0
HEALS_SECONDS = 15.0
POLL_SECONDS = 2.0
IDLE_SECONDS = 17.0
"""Longer than a heartbeat of these settings may be old, 15.3 s: the heartbeat of a loop that only waits must be renewed meanwhile."""
PATIENT_SECONDS = 30.0
"""Longer than a heartbeat of the default settings may be old, 21 s, and shorter than the minute that the patient consumer waits."""


@dataclass(frozen=True, slots=True)
class HeartbeatTrial:
    """The exit codes of the heartbeat command over time, and how long each change took.

    Attributes:
        idle: of a consumer that waits 0.1 s for new entries, while it is idle.
        patient: of one that waits a minute, until it has waited `PATIENT_SECONDS`.
        frozen, resumed: of the first one, once its loop was frozen, and once it went on.
    """

    idle: Waited[int]
    patient: Waited[int]
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
    patient = target.new_consumer({"STREAM_NAME": "votecheck:patient", "CONSUMER_GROUP": "votecheck-patient", "BLOCK_MS": "60000"})
    for one in (consumer, patient):
        cleanup.callback(one.stop)
        one.start()

    def of(child: Child) -> int:
        return child.ask("python", "-m", "system.consumer.heartbeat", within=20.0).returncode

    def heartbeat() -> int:
        return of(consumer)

    waiting = eventually(lambda: of(patient), lambda code: code == 0, within=STARTS_SECONDS, every=POLL_SECONDS)
    begun = time.monotonic()
    started = eventually(heartbeat, lambda code: code == 0, within=STARTS_SECONDS, every=POLL_SECONDS)
    idle = consistently(heartbeat, lambda code: code == 0, during=IDLE_SECONDS, every=POLL_SECONDS) if started.held else started
    consumer.send(signal.SIGSTOP)  # only the loop: nothing can run the command in a container that is paused as a whole
    frozen = eventually(heartbeat, lambda code: code != 0, within=RED_SECONDS, every=POLL_SECONDS)
    consumer.send(signal.SIGCONT)
    if waiting.held:
        rest = max(begun + PATIENT_SECONDS - time.monotonic(), 0)
        waiting = consistently(lambda: of(patient), lambda code: code == 0, during=rest, every=POLL_SECONDS)
    return HeartbeatTrial(idle, waiting, frozen, eventually(heartbeat, lambda code: code == 0, within=HEALS_SECONDS, every=POLL_SECONDS))
