"""Standard streams that are closed, full or broken never change what a command finds out or how it ends.

Messages for people go to stderr, and a message that cannot be written is dropped: the record and the reports hold the verdict.
Data goes to stdout, and data that cannot be written is an error.
"""

import contextlib
import io
import os
import sys

STDIN, STDOUT, STDERR = 0, 1, 2


class Messages(io.TextIOWrapper):
    """A text stream that drops what it cannot write."""

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        with contextlib.suppress(OSError, ValueError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, or drop it."""
        with contextlib.suppress(OSError, ValueError):
            super().flush()

    def close(self) -> None:
        """Close the stream, and drop what is buffered if it cannot be written."""
        with contextlib.suppress(OSError, ValueError):
            super().close()


def messages(descriptor: int, *, closes: bool = False) -> Messages:
    """Return a stream of messages to a descriptor, which stays open unless the stream `closes` it."""
    binary = open(descriptor, "wb", closefd=closes)  # noqa: SIM115 - a descriptor has no path, and the stream closes it
    return Messages(binary, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def repair() -> None:
    """Make all three standard streams usable, even if the caller closed some of them.

    A file opened later would otherwise get the number of a closed stream, and be written to as if it were that stream.
    Writing to a stdout that was closed still fails.
    """
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == STDERR else os.O_RDONLY)  # gets the lowest free number, which is this one
            os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(STDIN, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor has no path
    if sys.stdout is None:
        sys.stdout = open(STDOUT, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor has no path
    if sys.stderr is sys.__stderr__:  # otherwise the caller collects the messages
        sys.stderr = messages(STDERR)


def finish() -> bool:
    """Write what stdout still holds and return whether that worked. If not, Python would try again at exit, and exit with 120."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        return False
    return True
