"""The only sleeps of the harness: wait for a condition, or check that it keeps holding."""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from validation.core.environment import PROJECT
from validation.core.readable import readable

T = TypeVar("T")
EVERY_SECONDS = 0.02
SHARE = 1 / 40
"""Each pause is this share of the time waited so far, so that a measured time is exact to 2.5 %."""
LONGEST_PAUSE_SECONDS = 0.25
FEATURES = "/features/"


class _Waits(threading.local):
    paused = 0.0
    in_vain: tuple[str, ...] = ()


_waits = _Waits()


def paused_seconds() -> float:
    """Return how long this thread has paused so far between two looks at something that it waited for, in seconds."""
    return _waits.paused


def waits_in_vain() -> tuple[str, ...]:
    """Return each wait of this thread so far that ended at its limit: where, as `file:line`, and for how long."""
    return _waits.in_vain


@dataclass(frozen=True, slots=True)
class Waited(Generic[T]):
    """The result of waiting.

    Attributes:
        value: the last value of the probe.
        held: whether the condition came true, or kept holding.
        seconds: the time waited.
        seen: each change of the value, as (seconds, text); at most 20.
    """

    value: T
    held: bool
    seconds: float
    seen: tuple[tuple[float, str], ...]

    @property
    def story(self) -> str:
        """The changes of the value, one per line."""
        return "\n".join(f"{at:6.2f} s  {text}" for at, text in self.seen)


def eventually(
    probe: Callable[[], T],
    until: Callable[[T], bool],
    *,
    within: float,
    never: Callable[[T], bool] | None = None,
    every: float = EVERY_SECONDS,
) -> Waited[T]:
    """Call `probe` until its value satisfies `until`, for at most `within` seconds; give up as soon as one satisfies `never`."""
    return _watch(probe, until, never or (lambda _: False), within, every, held_at_end=False)


def consistently(probe: Callable[[], T], holds: Callable[[T], bool], *, during: float, every: float = EVERY_SECONDS) -> Waited[T]:
    """Call `probe` for `during` seconds; stop as soon as a value does not satisfy `holds`."""
    return _watch(probe, lambda _: False, lambda value: not holds(value), during, every, held_at_end=True)


def _watch(  # noqa: PLR0913 - both ways of waiting differ in all of them
    probe: Callable[[], T],
    done: Callable[[T], bool],
    broken: Callable[[T], bool],
    limit: float,
    every: float,
    *,
    held_at_end: bool,
) -> Waited[T]:
    start = time.monotonic()
    seen: list[tuple[float, str]] = []
    while True:
        value = probe()
        now = time.monotonic() - start
        text = readable(value)[:200]
        if not seen or seen[-1][1] != text:
            seen = [*seen[:10], *seen[-9:], (now, text)] if len(seen) >= 20 else [*seen, (now, text)]  # noqa: PLR2004 - the first and last of many changes
        if broken(value):
            return Waited(value, held=False, seconds=now, seen=tuple(seen))
        if done(value):
            return Waited(value, held=True, seconds=now, seen=tuple(seen))
        if now >= limit:
            if limit and not held_at_end:
                _waits.in_vain += (f"{_place()} waited for {now:.1f} s",)
            return Waited(value, held=held_at_end, seconds=now, seen=tuple(seen))
        pause = every if held_at_end else max(every, min(now * SHARE, LONGEST_PAUSE_SECONDS))
        time.sleep(pause)
        _waits.paused += pause


def _place() -> str:
    """Return the innermost line of the features that is being run, or else the line that waits, as `file:line` in the project."""
    frames = [(one.f_code.co_filename, line) for one, line in traceback.walk_stack(None) if one.f_code.co_filename != __file__]
    file, line = next((one for one in frames if FEATURES in one[0]), frames[0])
    return f"{file.removeprefix(PROJECT).lstrip('/')}:{line}"
