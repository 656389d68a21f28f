"""Signals during the start. Every entry point imports this first, so it needs nothing but the standard library's core."""

import contextlib
import os
import signal
import sys


def exit_on_signals(code: int | None = None) -> None:
    """End the process on SIGTERM and SIGINT, until it installs handlers of its own.

    The kernel discards a signal to the first process of a container that has no handler for it. Importing the libraries takes a second.

    Args:
        code: the exit code; None for the shell's convention, 128 plus the number of the signal.
    """

    def end(number: int, _frame: object) -> None:
        with contextlib.suppress(OSError, AttributeError):  # a full disk, or no output at all
            sys.stdout.flush()
        os._exit(128 + number if code is None else code)  # an exception could be swallowed by the code that is just running

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
