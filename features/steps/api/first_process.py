"""Steps that signal parts during the first moments of their start."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from pytest_bdd import parsers, then, when

from features.support.first_process import first_process, in_namespace
from validation.core import inputs, protocol
from validation.core.waiting import Waited, eventually
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

STARTS_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Signalled:
    """A part that got SIGTERM after using this much processor time, and how it ended."""

    after: str
    child: Child
    ended: Waited[int | None]


@when(
    parsers.re(r"(?P<part>an API|a consumer) gets SIGTERM as the first process, after (?P<moments>[\d., ]+) s of processor time"),
    target_fixture="signalled",
)
def signalled_during_start(target: LaunchingTarget, part: str, moments: str, afterwards: Callable[..., None]) -> list[Signalled]:
    def new() -> Child:
        return target.new_api({}).process if part == "an API" else target.new_consumer({})

    return [_signalled(in_namespace(new()), moment.strip(), afterwards) for moment in moments.split(",")]


@then("each time it exits with code 0 within 5 seconds")
def exits_each_time(signalled: list[Signalled], observe: Observe) -> None:
    with observe.together():
        for one in signalled:
            observe(
                f"exit code after SIGTERM at {one.after} s of processor time",
                expected=0,
                observed=one.ended.value if one.ended.held else f"still running after {protocol.SHUTDOWN_SECONDS:.0f} s",
                evidence=one.child.output(),
                timed=not one.ended.held,
                remedy="handle signals before importing: the kernel discards a signal to the first process that has no handler",
            )


def _signalled(child: Child, moment: str, afterwards: Callable[..., None]) -> Signalled:
    """Start a part, and send SIGTERM once it has used this much processor time, which does not depend on how busy the machine is."""
    child.start()
    afterwards(child.kill)
    process = first_process(child)
    eventually(
        lambda: _used(process), lambda used: used >= float(moment), within=STARTS_SECONDS, never=lambda _: not child.alive, every=0.01
    )
    inputs.note(f"SIGTERM after {moment} s of processor time")
    process.send_signal(signal.SIGTERM)
    return Signalled(moment, child, child.wait(within=protocol.SHUTDOWN_SECONDS))


def _used(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)
