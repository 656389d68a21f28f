"""Output that is dropped where it cannot be written: a full disk under a log, or a reader that is gone, stops neither API nor consumer."""

import contextlib
import io
import os
import sys
from typing import TextIO


class Dropping(io.TextIOWrapper):
    """A text stream that drops what it cannot write. What fits into its buffer is written once there is room again."""

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, if that is possible now."""
        with contextlib.suppress(OSError):
            super().flush()


def make_safe() -> None:
    """Replace standard output and error by streams that never raise, and open those that are closed.

    A connection would otherwise get the number of a closed stream, and be written to as if it were that stream.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stdout is sys.__stdout__:  # otherwise a caller collects the output
        sys.stdout = _dropping(1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _dropping(2)


def _dropping(descriptor: int) -> TextIO:
    binary = open(descriptor, "wb", closefd=False)  # noqa: SIM115 - it lives as long as the process
    return Dropping(binary, encoding="utf-8", errors="backslashreplace", line_buffering=True)
