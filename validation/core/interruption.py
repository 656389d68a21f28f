"""SIGINT, SIGTERM and SIGHUP: the first one interrupts the command in the same way, and none after it cuts the cleanup short.

`votecheck` installs the handlers before it imports anything else, so that a signal at any moment ends it with the same exit code.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """The work was interrupted by a signal, and everything that it started is gone."""


class Signalled(KeyboardInterrupt):
    """A signal arrived.

    A class of its own: if KeyboardInterrupt itself ends code that `exec` was given as text, as dataclasses do, then CPython kills the
    process with SIGINT when it exits, even if the exception was handled long before.
    """


class _State:
    """What this process knows of signals."""

    received = False
    armed = True
    waiting = False
    holding = 0


_state = _State()


def install() -> None:
    """Handle the signals from now on. One that is ignored, as with nohup or in a background job, stays ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def blocked() -> Iterator[None]:
    """Block the signals, also in a program that replaces this one: one that arrives waits until `install` handles it there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def received() -> bool:
    """Return whether this command was interrupted, even if some code on the way discarded the KeyboardInterrupt."""
    return _state.received


def disarm() -> None:
    """Raise nothing at further signals: the exit code is settled."""
    _state.armed = False


def ignore() -> None:
    """Ignore the signals for the rest of the process. While Python ends, it would restore their default, which kills the process."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def rearm() -> None:
    """Raise at the next signal again: the work that follows an interruption is not a cleanup and may be interrupted itself."""
    _state.armed = True


class Held:
    """A block that a signal does not cut in two: KeyboardInterrupt is raised at its end. Blocks may be nested."""

    _holds = False

    def __enter__(self) -> None:
        """Begin the block. Python handles signals in the main thread alone, so that other threads have nothing to hold."""
        self._holds = threading.current_thread() is threading.main_thread()
        _state.holding += self._holds

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the block, and raise what waited for its end."""
        holds, self._holds = self._holds, False
        _state.holding -= holds
        if holds and _state.waiting and not _state.holding:
            _state.waiting = False
            _raise()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _state.received = True
    if _state.holding:
        _state.waiting = True
    else:
        _raise()


def _raise() -> None:
    if _state.armed:
        _state.armed = False
        raise Signalled
