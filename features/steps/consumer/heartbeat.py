"""Steps about the consumer's heartbeat: the command that its liveness probe runs.

A beat may be three times as old as the longest wait of the loop, 15.3 s with the shortest settings. So one trial a session runs
beside the other scenarios, from the first consumer on, where one of them asks for it; its times are its own.
"""

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from pytest_bdd import given, then

from validation.core.waiting import Waited, eventually
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

STARTS_SECONDS = 15.0
RED_SECONDS = 35.0
HEALS_SECONDS = 15.0
POLL_SECONDS = 2.0
TRIED = "a consumer that was idle, then frozen, then let go on"


@dataclass(frozen=True, slots=True)
class Trial:
    """The exit codes of the heartbeat command over time, and how long each change took."""

    idle: Waited[int]
    frozen: Waited[int]
    thawed: Waited[int]


@pytest.fixture(scope="session")
def trial(target: LaunchingTarget) -> Iterator[Future[Trial]]:
    """A trial that has begun; its result is there when it has ended."""
    target.redis.require_managed()
    consumer = target.new_consumer({"STREAM_NAME": "votecheck:idle", "CONSUMER_GROUP": "votecheck-idle", "BLOCK_MS": "100"})
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_run, consumer)
    consumer.stop()


@pytest.fixture(scope="session")
def trial_begins(request: pytest.FixtureRequest, planned_steps: list[str]) -> None:
    """Begin the trial, where a scenario of this session asks for it: others would wait for its end."""
    if TRIED in planned_steps:
        request.getfixturevalue("trial")


@given(TRIED, target_fixture="tried")
def tried(trial: Future[Trial]) -> Trial:
    return trial.result()


@then("its heartbeat was green while it was idle")
def green_when_idle(tried: Trial, observe: Observe) -> None:
    observe("exit code of system.consumer.heartbeat while idle", expected=0, observed=tried.idle.value, evidence=tried.idle.story)


@then("red within 35 seconds of its freezing, and green again once it went on")
def red_when_hung(tried: Trial, observe: Observe) -> None:
    seen = f"exit {tried.frozen.value} after {tried.frozen.seconds:.1f} s"
    with observe.together():
        observe("heartbeat of a frozen loop", expected=f"red within {RED_SECONDS:.0f} s", observed=seen, holds=tried.frozen.held)
        observe("heartbeat once the loop went on", expected=0, observed=tried.thawed.value, evidence=tried.thawed.story)


def _run(consumer: Child) -> Trial:
    def beat() -> int:
        return consumer.ask("python", "-m", "system.consumer.heartbeat", within=20.0).returncode

    consumer.start()
    idle = eventually(beat, lambda code: code == 0, within=STARTS_SECONDS, every=POLL_SECONDS)
    consumer.send(signal.SIGSTOP)  # the loop alone: where all of a container is paused, nobody can ask for the beat
    frozen = eventually(beat, lambda code: code != 0, within=RED_SECONDS, every=POLL_SECONDS)
    consumer.send(signal.SIGCONT)
    return Trial(idle, frozen, eventually(beat, lambda code: code == 0, within=HEALS_SECONDS, every=POLL_SECONDS))
