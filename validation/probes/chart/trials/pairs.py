"""Sets of values in which every two values of the chart meet: most faults of a configuration come from two settings, not from one.

https://csrc.nist.gov/projects/automated-combinatorial-testing-for-software: rows are chosen greedily until each pair of levels is in one.
"""

import random
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs

from validation.probes.chart import values
from validation.probes.chart.trials.workable import conflicts
from validation.probes.chart.value_flips import alternatives, at, schema_at
from validation.probes.chart.values import Key

MOST_LEVELS = 5
CANDIDATES = 12
REPAIRS = 60
Levels = tuple[tuple[int, int], ...]
"""Some values, each with the number of one of its levels."""
Row = tuple[int, ...]


class Trials(NamedTuple):
    """Values to render.

    Attributes:
        names: the values, in the order of the levels in a pair.
        working: sets of values that can work.
        refused: sets of values that cannot, one for each level or pair that no working set contains, with a name.
        pairs: how many pairs of levels there are.
    """

    names: tuple[str, ...]
    working: tuple[dict[str, Any], ...]
    refused: tuple[tuple[str, dict[str, Any]], ...]
    pairs: int


def trials(chart_dir: Path, seed: int = 1) -> Trials:
    """Choose sets of values that contain every pair of levels, as few as a greedy choice finds.

    Raises:
        ProbeError: helm cannot read the chart.
    """
    search = _Search(chart_dir, seed)
    rows, impossible = search.rows()
    names = tuple(".".join(key) for key in search.keys)
    refused = [
        (
            " and ".join(f"{names[value]} = {search.levels[value][level]!r}" for value, level in levels),
            search.values(search.with_levels(levels)),
        )
        for levels in impossible
    ]
    return Trials(names, tuple(search.values(row) for row in rows), tuple(refused), search.count)


def levels(chart_dir: Path) -> dict[Key, list[Any]]:
    """Return the levels of each value: its default first, then what the shipped values files and the schema say it may be."""
    schema, defaults = values.schema(chart_dir) or {}, values.merged(chart_dir)
    shipped = [values.merged(chart_dir, own) for own in values.shipped(chart_dir).values()]
    found = {}
    for key, default in values.leaves(defaults):
        subschema = schema_at(schema, key)
        wanted = [default, *subschema.get("enum", ()), *(at(own, key) for own in shipped)]
        wanted += [subschema[limit] for limit in ("minimum", "maximum") if limit in subschema] + (
            [not default] if isinstance(default, bool) else []
        )
        wanted += [""] if isinstance(default, str) else []
        wanted += [{"votecheck": "other"}] if default == {} else []
        usable = _distinct(one for one in wanted if _fits(one, subschema, schema))
        if len(usable) == 1:
            usable += [one for one in alternatives(default, subschema) if _fits(one, subschema, schema)][:1]
        found[key] = usable[:MOST_LEVELS]
    return found


class _Search:
    def __init__(self, chart_dir: Path, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a repeatable choice
        found = levels(chart_dir)
        self.keys, self.levels = tuple(found), tuple(found.values())
        self.number = {key: index for index, key in enumerate(self.keys)}
        every = [(value, level) for value, own in enumerate(self.levels) for level in range(len(own))]
        self.alone = [one for one in every if not self._repaired((one,))]
        usable = [one for one in every if one not in self.alone]
        self.left = {(one, other) for one, other in combinations(usable, 2) if one[0] != other[0]}
        self.count = len(self.left)

    def rows(self) -> tuple[list[Row], list[Levels]]:
        """Return rows that cover every pair that can work, and the levels and pairs that cannot."""
        rows: list[Row] = []
        impossible: list[Levels] = [(one,) for one in self.alone]
        for target in sorted(self.left):
            if target not in self.left:
                continue
            first = self._repaired(target)
            candidates = [row for row in (first, *(self._repaired(target) for _ in range(CANDIDATES if first else 0))) if row]
            if not candidates:
                impossible.append(target)
                self.left.discard(target)
                continue
            best = max(candidates, key=lambda row: len(self.left & {*_pairs(row)}))
            rows.append(best)
            self.left -= {*_pairs(best)}
        return rows, impossible

    def _repaired(self, target: Levels) -> Row | None:
        """Return a row with these levels that can work, or None. Other values in a conflict are chosen again."""
        row = [self.random.randrange(len(one)) for one in self.levels]
        kept = dict(target)
        for value, level in target:
            row[value] = level
        for _ in range(REPAIRS):
            found = conflicts(self.values(tuple(row)))
            if not found:
                return tuple(row)
            free = [self.number[key] for key in self.random.choice(found) if key in self.number and self.number[key] not in kept]
            if not free:
                return None
            value = self.random.choice(free)
            row[value] = self.random.randrange(len(self.levels[value]))
        return None

    def with_levels(self, levels: Levels) -> Row:
        """Return the defaults with some levels."""
        chosen = dict(levels)
        return tuple(chosen.get(value, 0) for value in range(len(self.keys)))

    def values(self, row: Row) -> dict[str, Any]:
        """Return the values of a row."""
        given: dict[str, Any] = {}
        for key, own, level in zip(self.keys, self.levels, row, strict=True):
            inner = given
            for name in key[:-1]:
                inner = inner.setdefault(name, {})
            inner[key[-1]] = own[level]
        return given


def _pairs(row: Row) -> Iterator[Levels]:
    return combinations(enumerate(row), 2)


def _distinct(found: Iterator[Any]) -> list[Any]:
    return [*{repr(one): one for one in found}.values()]


def _fits(value: Any, subschema: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    return value is not None and jsonschema_rs.is_valid({**subschema, "definitions": schema.get("definitions", {})}, value)
