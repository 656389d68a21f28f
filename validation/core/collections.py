"""Questions about collections whose answer for an empty one is no: with nothing to look at, nothing was observed."""

from collections.abc import Iterable


def every(conditions: Iterable[object]) -> bool:
    """Return whether there is at least one condition, and all of them hold. Python's `all` says yes to none."""
    found = list(conditions)
    return bool(found) and all(found)
