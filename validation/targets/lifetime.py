"""Something that is started once a session, and taken away at its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class Startable(Protocol):
    """What can be started, and tells what it leaves."""

    def start(self) -> None:
        """Start it."""

    def close(self) -> list[str]:
        """Take it away; tell what could not be."""


T = TypeVar("T", bound=Startable)


@contextmanager
def lifetime(
    made: T, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None], *, ready: str, gone: str = ""
) -> Iterator[T]:
    """Start it for as long as the block lasts.

    Args:
        made: what is started.
        measure: records a number by name.
        leftovers: records what it leaves.
        ready: the name of how long its start took.
        gone: the name of how long its end took; empty: that is not recorded.
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
