"""Run a module as `python -m` does, with a clock that differs from the machine's: `python clocks.py FILE MODULE`.

FILE holds the seconds by which the clock differs, as a double that may change at any time.
"""

import mmap
import runpy
import struct
import sys
from collections.abc import Callable
from pathlib import Path

DOUBLE = struct.Struct("d")


def write(file: Path, seconds: float) -> None:
    """Set the difference. The file keeps its place, because the process has mapped it."""
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.write(DOUBLE.pack(seconds))


def ahead_by(file: Path) -> Callable[[], float]:
    """Return a function that reads the seconds that the file holds."""
    with file.open("rb") as opened:
        seen = mmap.mmap(opened.fileno(), DOUBLE.size, access=mmap.ACCESS_READ)

    def seconds() -> float:
        found: float = DOUBLE.unpack_from(seen)[0]
        return found

    return seconds


if __name__ == "__main__":
    place, module = sys.argv[1:3]
    sys.path[0] = ""  # as with `python -m`: the folder that the process works in
    shift = runpy.run_path(str(Path(__file__).parents[1] / "faults" / "wall_clock.py"))["shift"]  # the part need not find this project
    shift(ahead_by(Path(place)))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
