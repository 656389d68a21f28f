"""Steps about the consumer's heartbeat: the command that its liveness probe runs.

A beat may be three times as old as the longest wait of the loop, 15.3 s with the shortest settings. So one trial a session runs
beside the other scenarios, from the first consumer on; its times are its own.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from pytest_bdd import given, then

from validation.observing import Observe
from validation.settings import RunSettings
from validation.targets.base import Target
from validation.targets.process import Child
from validation.waiting import Waited, eventually

STARTS_SECONDS = 15.0
RED_SECONDS = 35.0
HEALS_SECONDS = 15.0
POLL_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Trial:
    """The exit codes of the heartbeat command over time, and how long each change took."""

    idle: Waited[int]
    frozen: Waited[int]
    thawed: Waited[int]


@pytest.fixture(scope="session")
def trial(target: Target, settings: RunSettings) -> Iterator[Future[Trial]]:
    """A trial that has begun; its result is there when it has ended."""
    target.redis.must_be_ours()
    consumer = target.new_consumer({"STREAM_NAME": "votecheck:idle", "CONSUMER_GROUP": "votecheck-idle", "BLOCK_MS": "100"})
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_run, consumer, settings)
    consumer.stop()


@given("a consumer that was idle, then frozen, then let go on", target_fixture="tried")
def tried(trial: Future[Trial]) -> Trial:
    return trial.result()


@then("its heartbeat was green while it was idle")
def green_when_idle(tried: Trial, observe: Observe) -> None:
    observe("exit code of system.consumer.beat while idle", expected=0, observed=tried.idle.value, evidence=tried.idle.story)


@then("red within 35 seconds of its freezing, and green again once it went on")
def red_when_hung(tried: Trial, observe: Observe) -> None:
    seen = f"exit {tried.frozen.value} after {tried.frozen.seconds:.1f} s"
    with observe.together():
        observe("heartbeat of a frozen loop", expected=f"red within {RED_SECONDS:.0f} s", observed=seen, holds=tried.frozen.held)
        observe("heartbeat once the loop went on", expected=0, observed=tried.thawed.value, evidence=tried.thawed.story)


def _run(consumer: Child, settings: RunSettings) -> Trial:
    def beat() -> int:
        command, env = [sys.executable, "-m", "system.consumer.beat"], {"PATH": os.environ["PATH"], **consumer.env}
        return subprocess.run(command, cwd=settings.source, env=env, capture_output=True, timeout=20, check=False).returncode  # noqa: S603

    consumer.start()
    idle = eventually(beat, lambda code: code == 0, within=STARTS_SECONDS, every=POLL_SECONDS)
    consumer.pause()
    frozen = eventually(beat, lambda code: code != 0, within=RED_SECONDS, every=POLL_SECONDS)
    consumer.resume()
    return Trial(idle, frozen, eventually(beat, lambda code: code == 0, within=HEALS_SECONDS, every=POLL_SECONDS))
