"""Starts something for the length of a block, records how long that took, and reports what it leaves behind."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class Startable(Protocol):
    """Something that can be started and closed."""

    def start(self) -> None:
        """Start it."""

    def close(self) -> list[str]:
        """Remove it and return what could not be removed."""


T = TypeVar("T", bound=Startable)


@contextmanager
def lifetime(
    made: T, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None], *, ready: str, gone: str = ""
) -> Iterator[T]:
    """Start `made` and close it when the block ends.

    Args:
        made: the target, installation or prober to start.
        measure: records a measurement: name, value, unit.
        leftovers: records something that could not be removed.
        ready: the name of the measured start time.
        gone: the name of the measured time to close; empty if it is not recorded.
    """
    begun = time.monotonic()
    try:
        made.start()
        measure(ready, time.monotonic() - begun, "s")
        yield made
    finally:
        begun = time.monotonic()
        for problem in made.close():
            leftovers(problem)
        if gone:
            measure(gone, time.monotonic() - begun, "s")
