"""Run the program of the chart's test pod against an API, as `helm test` does in a cluster."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from validation.core.environment import built

SECONDS = 60.0
"""Seconds until the program is killed. It waits half of that for its vote to be counted."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Exit code and output of the program. A string instead of a code says that it did not exit. `error` says why it failed."""

    exit_code: int | str
    output: str
    error: str


class TestPod:
    """The pod's program, run by the current Python interpreter.

    Args:
        command: command of the pod's container: an interpreter, `-c` and the program.
        address: host and port of the API.
    """

    __test__ = False  # not a pytest class, despite its name

    def __init__(self, command: Sequence[str], address: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the chart's program
            [sys.executable, *command[1:], address], env=built(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def ended(self) -> bool:
        """Whether the program has exited."""
        return self._process.poll() is not None

    def wait(self) -> Completed:
        """Wait until the program exits and return its result. Kill it after `SECONDS`."""
        try:
            output, error = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return Completed(f"did not exit within {SECONDS:g} s", "", "")
        return Completed(self._process.returncode, output.strip(), error.strip())

    def kill(self) -> None:
        """Kill the program if it still runs."""
        self._process.kill()
        self._process.communicate()
