"""What fell by which defect, who saw it alone, and what nobody has ever seen fall. Pure: the same rows give the same answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from validation.defects.results import Row, Seen
from validation.record.verdicts import Verdict


class Cell(StrEnum):
    """What a checkpoint made of a defect."""

    CAUGHT = "named and caught"
    MISSED = "named and missed"
    BESIDES = "fell besides"
    OPEN = "not proven"
    PASSED = "passed"
    APART = "rests on nothing that was changed"


@dataclass(frozen=True)
class Matrix:
    """All rows, and what can be read from them together.

    Attributes:
        rows: one a defect.
        columns: the checkpoints that were to be judged.
        observed: every observation of the unchanged system.
        absent: the defects that are not in it, by id, and why.
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    observed: tuple[Seen, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()

    def cell(self, row: Row, column: str) -> Cell:
        """Say what a checkpoint made of a defect."""
        if column in row.apart and column not in row.named:
            return Cell.APART
        verdict = row.verdicts.get(column, Verdict.NOT_PROVEN)
        if verdict == Verdict.FAILED:
            return Cell.CAUGHT if column in row.named else Cell.BESIDES
        if verdict == Verdict.PASSED:
            return Cell.MISSED if column in row.named else Cell.PASSED
        return Cell.OPEN

    def cells(self, row: Row, cell: Cell) -> tuple[str, ...]:
        """Give the checkpoints that made the same of a defect."""
        return tuple(column for column in self.columns if self.cell(row, column) is cell)

    def reds(self, column: str) -> tuple[str, ...]:
        """Give the defects that turned a checkpoint red."""
        return tuple(row.defect for row in self.rows if column in row.red)

    def is_caught(self, row: Row) -> bool:
        """Tell whether every checkpoint that a defect names turned red."""
        return bool(row.named) and set(row.named) <= set(row.red)

    @cached_property
    def besides_only(self) -> tuple[str, ...]:
        """The checkpoints that fell, and never by a defect that names them."""
        named = {column for row in self.rows for column in self.cells(row, Cell.CAUGHT)}
        return tuple(column for column in self.columns if self.reds(column) and column not in named)

    @cached_property
    def unproven(self) -> tuple[str, ...]:
        """The checkpoints that no defect here has turned red."""
        return tuple(column for column in self.columns if not self.reds(column))

    @cached_property
    def witnesses(self) -> dict[Seen, tuple[str, ...]]:
        """Each observation that was wrong, and the defects that it saw."""
        found: dict[Seen, list[str]] = {}
        for row in self.rows:
            for one in dict.fromkeys(row.wrong):
                found.setdefault(one, []).append(row.defect)
        return {one: tuple(defects) for one, defects in found.items()}

    @cached_property
    def by_one_defect(self) -> tuple[tuple[Seen, str], ...]:
        """The observations that only one defect turns wrong, and which: with that defect gone, nothing would prove that they look."""
        return tuple((one, defects[0]) for one, defects in self.witnesses.items() if len(defects) == 1)

    @cached_property
    def sole(self) -> dict[str, Seen]:
        """The defects that a single observation sees, and which: it is all that stands between them and a release."""
        return {row.defect: row.wrong[0] for row in self.rows if len(set(row.wrong)) == 1}

    @cached_property
    def never_wrong(self) -> tuple[Seen, ...]:
        """The observations of the unchanged system that no defect here has turned wrong."""
        return tuple(one for one in self.observed if one not in self.witnesses)


def by_checkpoint(seen: Sequence[Seen]) -> dict[str, list[Seen]]:
    """Group observations by their checkpoint."""
    groups: dict[str, list[Seen]] = {}
    for one in seen:
        groups.setdefault(one.checkpoint, []).append(one)
    return groups
