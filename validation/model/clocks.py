"""Clocks that a file sets, and that may jump at any time: start a part with one, in a container, too."""

import struct
from pathlib import Path

from validation.faults import wall_clock
from validation.targets.process import Child

DOUBLE = struct.Struct("d")
PROGRAM = f"""{Path(wall_clock.__file__).read_text(encoding="utf-8")}

import mmap, runpy, struct, sys

place, module = sys.argv[1:]
with open(place, "rb") as opened:
    seen = mmap.mmap(opened.fileno(), {DOUBLE.size}, access=mmap.ACCESS_READ)
shift(lambda: struct.unpack_from("d", seen)[0])
sys.argv = [module]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""Runs a module as `python -m` does, with a clock that is ahead by the seconds in a file. As text it reaches containers."""


def write(file: Path, seconds: float) -> None:
    """Set the difference. The file keeps its place, because the process has mapped it."""
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.write(DOUBLE.pack(seconds))


def on_clock_of(child: Child, part: str, file: Path) -> None:
    """Make a part start with the clock of a file."""
    child.run_program(PROGRAM, child.show(file), f"system.{part}")
