"""What the program of the chart's test pod says of an API, as `helm test` runs it in a cluster."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS = 60.0
"""It gives a vote half of that to be counted."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How it ended, and what it wrote: on its output what it did, on its error output why it gave up."""

    exit_code: int | str
    output: str
    error: str


class TestPod:
    """Its program, run here by the Python that runs here.

    Args:
        command: of the pod's container: an interpreter, `-c` and the program.
        address: host and port of the API.
    """

    __test__ = False  # pytest: this is none

    def __init__(self, command: Sequence[str], address: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the chart's
            [sys.executable, *command[1:], address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self) -> Completed:
        """Wait for its end. A code that is no number says that it did not end."""
        try:
            output, error = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return Completed(f"did not end within {SECONDS:g} s", "", "")
        return Completed(self._process.returncode, output.strip(), error.strip())

    def kill(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.communicate()
