"""The only sleeps of the harness: wait until something is so, or watch that it stays so."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
EVERY_SECONDS = 0.02
SHARE = 1 / 40
"""What has been waited for long is looked at less often: each pause is so much of the time until then, so it is told to within 2.5 %."""
SELDOM_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Waited(Generic[T]):
    """What was seen while waiting.

    Attributes:
        value: the last value of the probe.
        held: whether the awaited state came, or stayed.
        seconds: how long it took.
        seen: the different values over time, as (seconds, text); at most 20.
    """

    value: T
    held: bool
    seconds: float
    seen: tuple[tuple[float, str], ...]

    @property
    def story(self) -> str:
        """The values over time, one a line."""
        return "\n".join(f"{at:6.2f} s  {text}" for at, text in self.seen)


def eventually(
    probe: Callable[[], T],
    until: Callable[[T], bool],
    *,
    within: float,
    never: Callable[[T], bool] | None = None,
    every: float = EVERY_SECONDS,
) -> Waited[T]:
    """Call `probe` until its value satisfies `until`, for `within` seconds at most; stop at once when `never` is true of it."""
    return _watch(probe, until, never or (lambda _: False), within, every, held_at_end=False)


def consistently(probe: Callable[[], T], holds: Callable[[T], bool], *, during: float) -> Waited[T]:
    """Call `probe` for `during` seconds and stop at once when its value does not satisfy `holds`."""
    return _watch(probe, lambda _: False, lambda value: not holds(value), during, EVERY_SECONDS, held_at_end=True)


def _watch(  # noqa: PLR0913 - the two ways of waiting differ in all of these
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
        text = repr(value)[:200]
        if not seen or seen[-1][1] != text:
            seen = [*seen[:10], *seen[-9:], (now, text)] if len(seen) >= 20 else [*seen, (now, text)]  # noqa: PLR2004 - first and last of a long story
        if broken(value):
            return Waited(value, held=False, seconds=now, seen=tuple(seen))
        if done(value):
            return Waited(value, held=True, seconds=now, seen=tuple(seen))
        if now >= limit:
            return Waited(value, held=held_at_end, seconds=now, seen=tuple(seen))
        time.sleep(every if held_at_end else max(every, min(now * SHARE, SELDOM_SECONDS)))
