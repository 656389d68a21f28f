"""Shards: parts of work that several machines or jobs share. `2/4` is the second of four parts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from validation.core.errors import UsageError

K = TypeVar("K", bound=tuple[str, ...] | str)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts, numbered from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        """Return it as `--shard` takes it."""
        return f"{self.number}/{self.of}"


def parse(written: str, example: str) -> Shard | None:
    """Return the shard that `--shard` names, or None for an empty text: the whole.

    Args:
        written: the value of the option.
        example: a command that is right, for the error.

    Raises:
        UsageError: it is not NUMBER/OF, or the number is not between 1 and OF.
    """
    if not written:
        return None
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", written, re.ASCII)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {written} is not NUMBER/OF, with a number from 1 to OF.", "", example)
    return Shard(int(found[1]), int(found[2]))


def balanced(costs: Mapping[K, float], of: int) -> tuple[tuple[K, ...], ...]:
    """Split work into parts of similar cost: the most expensive piece first, each to the part that has the least so far.

    The same costs give the same parts, whatever their order. Each piece is in exactly one part.
    """
    parts, loads = [list[K]() for _ in range(of)], [0.0] * of
    for piece in sorted(costs, key=lambda piece: (-costs[piece], piece)):
        lightest = min(range(of), key=lambda number: (loads[number], len(parts[number]), number))
        parts[lightest].append(piece)
        loads[lightest] += costs[piece]
    return tuple(map(tuple, parts))


def with_costs(pieces: Iterable[K], known: Mapping[K, float]) -> dict[K, float]:
    """Return the cost of each piece; one that is unknown counts as the median of the known ones among them, or as 1."""
    every = list(dict.fromkeys(pieces))
    usual = median(found) if (found := [known[one] for one in every if one in known]) else 1.0
    return {one: known.get(one, usual) for one in every}
