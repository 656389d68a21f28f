"""Wrong clocks: start a part of the system with a wall clock that the harness sets. Monotonic clocks stay right, as they do in a kernel."""

import signal
from collections.abc import Sequence
from pathlib import Path

from validation.faults import wall_clock
from validation.targets.process import Child

PROGRAM = f"""{Path(wall_clock.__file__).read_text(encoding="utf-8")}

import runpy, signal, sys

part, *offsets = sys.argv[1:]
now = [0.0]

def advance(*_):
    now[0] = float(offsets.pop(0)) if offsets else 0.0

shift(lambda: now[0])
signal.signal(signal.SIGUSR1, advance)
advance()
sys.argv = [part]
runpy.run_module(part, run_name="__main__", alter_sys=True)
"""
"""Shifts the wall clock of a part by the first number of seconds, and at each SIGUSR1 by the next. As text it reaches containers, too."""


def on_clock(child: Child, part: str, seconds_ahead: Sequence[float]) -> Child:
    """Make a part start with a clock that is ahead by the first number of seconds; `turn` moves on to the next, then to none."""
    child.run_program(PROGRAM, f"system.{part}", *map(str, seconds_ahead))
    return child


def turn(child: Child) -> None:
    """Set the clock of a part that runs to its next time."""
    child.send(signal.SIGUSR1)
