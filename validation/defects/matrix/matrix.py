"""What the rows say together: which checkpoints catch which defects, which catch one alone, and which have never failed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from validation.defects.results import Observation, Row
from validation.record.results import Verdict


class Cell(StrEnum):
    """What became of a defect at a checkpoint."""

    CAUGHT = "caught"
    """It must catch the defect, and failed."""
    SURVIVED = "survived"
    """It must catch the defect, and passed."""
    ALSO_FAILED = "also failed"
    NOT_PROVEN = "not proven"
    PASSED = "passed"
    UNAFFECTED = "no input changed"


@dataclass(frozen=True)
class Matrix:
    """All rows, and what they say together.

    Attributes:
        rows: one for each defect.
        columns: the checkpoints that can run where the matrix is made.
        observed: every observation of the unchanged system.
        excluded: the defects that are not included, by id, with the reason.
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    observed: tuple[Observation, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()

    def cell(self, row: Row, column: str) -> Cell:
        """Return what became of a defect at a checkpoint."""
        if column in row.unaffected and column not in row.expected:
            return Cell.UNAFFECTED
        verdict = row.verdicts.get(column, Verdict.NOT_PROVEN)
        if verdict == Verdict.FAILED:
            return Cell.CAUGHT if column in row.expected else Cell.ALSO_FAILED
        if verdict == Verdict.PASSED:
            return Cell.SURVIVED if column in row.expected else Cell.PASSED
        return Cell.NOT_PROVEN

    def cells(self, row: Row, cell: Cell) -> tuple[str, ...]:
        """Return the checkpoints of a row with the same cell."""
        return tuple(column for column in self.columns if self.cell(row, column) is cell)

    def failed_for(self, column: str) -> tuple[str, ...]:
        """Return the defects for which a checkpoint failed."""
        return tuple(row.defect for row in self.rows if column in row.failed)

    def is_caught(self, row: Row) -> bool:
        """Return whether every checkpoint that must catch a defect failed."""
        return bool(row.expected) and set(row.expected) <= set(row.failed)

    @cached_property
    def only_also_failed(self) -> tuple[str, ...]:
        """The checkpoints that failed, but never for a defect that they must catch."""
        caught = {column for row in self.rows for column in self.cells(row, Cell.CAUGHT)}
        return tuple(column for column in self.columns if self.failed_for(column) and column not in caught)

    @cached_property
    def never_failed(self) -> tuple[str, ...]:
        """The checkpoints that failed for no defect of the matrix."""
        return tuple(column for column in self.columns if not self.failed_for(column))

    @cached_property
    def wrong(self) -> dict[Observation, tuple[str, ...]]:
        """Each observation that was wrong, and the defects for which it was."""
        found: dict[Observation, list[str]] = {}
        for row in self.rows:
            for one in dict.fromkeys(row.wrong):
                found.setdefault(one, []).append(row.defect)
        return {one: tuple(defects) for one, defects in found.items()}

    @cached_property
    def wrong_for_one(self) -> tuple[tuple[Observation, str], ...]:
        """The observations that were wrong for one defect only, and the defect: without it, nothing would show that they can be wrong."""
        return tuple((one, defects[0]) for one, defects in self.wrong.items() if len(defects) == 1)

    @cached_property
    def caught_by_one(self) -> dict[str, Observation]:
        """The defects that a single observation catches, and the observation: without it, they would ship."""
        return {row.defect: row.wrong[0] for row in self.rows if len(set(row.wrong)) == 1}

    @cached_property
    def never_wrong(self) -> tuple[Observation, ...]:
        """The observations of the unchanged system that were wrong for no defect of the matrix."""
        return tuple(one for one in self.observed if one not in self.wrong)


def by_checkpoint(observations: Sequence[Observation]) -> dict[str, list[Observation]]:
    """Group observations by checkpoint."""
    groups: dict[str, list[Observation]] = {}
    for one in observations:
        groups.setdefault(one.checkpoint, []).append(one)
    return groups
