"""Steps about the consumer's heartbeat: the command that its liveness probe runs."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from pytest_bdd import then, when

from features.steps.consumer import Running
from features.steps.stream import OwnStream
from validation.observing import Observe
from validation.probes.stream import StreamProbe
from validation.settings import RunSettings
from validation.waiting import consistently, eventually

RED_SECONDS = 35.0
"""A beat may be three times the longest wait of the loop old; the shortest the settings allow is 15.3 s."""
HEALS_SECONDS = 10.0


@pytest.fixture
def beat(settings: RunSettings) -> Callable[[Running], int]:
    """Run the probe's command with the variables of a consumer, and give its exit code."""

    def ask(running: Running) -> int:
        command = [sys.executable, "-m", "system.consumer.beat"]
        env = {"PATH": os.environ["PATH"], **running.child.env}
        return subprocess.run(command, cwd=settings.source, env=env, capture_output=True, timeout=20, check=False).returncode  # noqa: S603

    return ask


@then("its heartbeat is green while it is idle")
def green_when_idle(running: Running, own: OwnStream, stream: StreamProbe, beat: Callable[[Running], int], observe: Observe) -> None:
    own.wait_until_drained(stream)
    idle = consistently(lambda: beat(running), lambda code: code == 0, during=1.0)
    observe("exit code of system.consumer.beat while idle", expected=0, observed=idle.value, holds=idle.held, evidence=idle.story)


@when("its loop is frozen")
def loop_is_frozen(running: Running) -> None:
    running.child.pause()


@then("its heartbeat is red within 35 seconds, and green again once it goes on")
def red_when_hung(running: Running, beat: Callable[[Running], int], observe: Observe) -> None:
    red = eventually(lambda: beat(running), lambda code: code != 0, within=RED_SECONDS)
    seen = f"exit {red.value} after {red.seconds:.1f} s"
    observe("heartbeat of a frozen loop", expected=f"red within {RED_SECONDS:.0f} s", observed=seen, holds=red.held)
    running.child.resume()
    green = eventually(lambda: beat(running), lambda code: code == 0, within=HEALS_SECONDS)
    observe("heartbeat once the loop goes on", expected=0, observed=green.value, evidence=green.story)
