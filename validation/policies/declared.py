"""The declared table, read from `declared.toml`, and the two that are held beside it: all are sets of the cells that are open."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from validation.policies.evaluator import End, Policy, connects

FILE = Path(__file__).with_name("declared.toml")
Cell = tuple[str, str]
"""A row and a column."""
Cells = frozenset[Cell]


@dataclass(frozen=True, slots=True)
class Kind:
    """What an end is: where it stands, the labels of a pod that is started for it, or the component whose pods it is."""

    at: str
    labels: str = ""
    pods: str = ""

    @property
    def started(self) -> bool:
        """Whether a run starts a pod for it."""
        return not self.pods and self.at not in {"dns", "server"}


@dataclass(frozen=True, slots=True)
class Column:
    """A port of an end."""

    end: str
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Truth:
    """The declared table.

    Attributes:
        ends: what each end is, by name.
        columns: what is opened, by name.
        rows: the columns that each row may open.
        beyond: cells that are not for the release's policies to say.
    """

    ends: Mapping[str, Kind]
    columns: Mapping[str, Column]
    rows: Mapping[str, Collection[str]]
    beyond: Cells

    def open(self, cells: Cells) -> Cells:
        """Give those of some cells that are declared open."""
        return frozenset((row, column) for row, column in cells if column in self.rows[row])


@dataclass(frozen=True, slots=True)
class Scene:
    """The ends that there are, in a chart or in a cluster.

    Attributes:
        ends: each by its name.
        ports: the port of a column where it is another one than declared.
    """

    ends: Mapping[str, End]
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def cells(self) -> Cells:
        """The cells between them; what an end opens to itself is none."""
        return frozenset(
            (row, name)
            for row in truth().rows
            for name, column in truth().columns.items()
            if row != column.end and row in self.ends and column.end in self.ends
        )

    @property
    def judged(self) -> Cells:
        """The cells that are for the release's policies to say."""
        return self.cells - truth().beyond

    def door(self, column: str) -> tuple[End, int, str]:
        """Give the end that a column opens, with port and protocol."""
        told = truth().columns[column]
        return self.ends[told.end], self.ports.get(column, told.port), told.protocol

    def computed(self, policies: Iterable[Policy]) -> Cells:
        """Give the cells that policies leave open."""
        kept = tuple(policies)
        return frozenset((row, column) for row, column in self.cells if connects(kept, self.ends[row], *self.door(column)))


@cache
def truth() -> Truth:
    """Read the declared table."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Truth(
        ends={name: Kind(**kind) for name, kind in told["ends"].items()},
        columns={name: Column(**column) for name, column in told["columns"].items()},
        rows=told["rows"],
        beyond=frozenset((row, column) for row in told["beyond"]["rows"] for column in told["beyond"]["columns"]),
    )


def words(cells: Iterable[Cell]) -> list[str]:
    """Write cells as a reader would say them."""
    return sorted(f"{row} → {column}" for row, column in cells)


def written(cells: Iterable[Cell], opened: Cells) -> str:
    """Write a table, a line for each row: what it opens, and what is refused to it."""
    kept = tuple(cells)
    lines = []
    for row in sorted({row for row, _ in kept}):
        columns = sorted(column for one, column in kept if one == row)
        may = [column for column in columns if (row, column) in opened]
        lines.append(f"{row} opens {', '.join(may) or 'nothing'}; refused: {', '.join(c for c in columns if c not in may) or 'nothing'}")
    return "\n".join(lines)
