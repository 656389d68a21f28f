"""Records of a load run, written as a generator writes them, and what it costs to read them."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from loadtests.records import Line, Writer
from validation.core.settings import PROJECT

BEGAN = 1_800_000_000.0
PROGRAM = """
import re, sys
from pathlib import Path
{}

def peak():
    return int(re.search("VmHWM:(.*) kB", Path("/proc/self/status").read_text())[1]) / 1024

Path("/proc/self/clear_refs").write_text("5")
before = peak()
{}
print(peak() - before)
"""


def vote(  # noqa: PLR0913 - what a test may want to say of it
    number: int = 1, at: float = 0.0, took: float = 0.01, *, status: int = 201, vote_id: UUID | None = None, option: str = "cats"
) -> Line:
    """One vote that was sent on schedule, `at` seconds after the start."""
    return Line("vote", BEGAN + at, BEGAN + at, BEGAN + at + took, number, status, option, vote_id)


def again(line: Line, **changes: object) -> Line:
    return dataclasses.replace(line, name="vote again", **changes)


def written(folder: Path, *processes: Iterable[Line]) -> list[str]:
    """Write the records of some processes and return their names."""
    names = []
    for lines in processes:
        with Writer(folder) as writer:
            for line in lines:
                writer.write(line)
        names.append(writer.process)
    return names


def grown(setup: str, work: str, *arguments: str) -> float:
    """Return the peak growth of a process's memory while it works, in MiB; `sys.argv` has the arguments."""
    told = subprocess.run([sys.executable, "-c", PROGRAM.format(setup, work), *arguments], cwd=PROJECT, check=True, stdout=subprocess.PIPE)
    return float(told.stdout)
