"""The matrix as a text, the same for a terminal and for a pull request. It holds nothing that a system answered."""

from collections.abc import Iterable, Iterator, Mapping

from validation.defects.catalogue import Defect
from validation.defects.matrix.matrix import Cell, Matrix
from validation.defects.matrix.steps import sights
from validation.registry.checkpoints import registry
from validation.report.model import tally

NOBODY = "none"


def markdown(matrix: Matrix, defects: Mapping[str, Defect], seen: Iterable[str]) -> str:
    """Write the matrix in Markdown.

    Args:
        matrix: what fell by what.
        defects: the catalogue, for titles.
        seen: the checkpoints that have been seen to fail, here and elsewhere.
    """
    return "\n".join(_lines(matrix, defects, frozenset(seen)))


def headline(matrix: Matrix) -> str:
    """Say in a sentence what became of the defects."""
    caught = sum(matrix.is_caught(row) for row in matrix.rows)
    missed = [row.defect for row in matrix.rows if matrix.cells(row, Cell.MISSED)]
    unclear = [row.defect for row in matrix.rows if not matrix.is_caught(row) and row.defect not in missed]
    parts = [f"{caught} of {len(matrix.rows)} defects turned red every checkpoint that they name"]
    parts += [f"missed: {', '.join(missed)}"] * bool(missed) + [f"not proven: {', '.join(unclear)}"] * bool(unclear)
    return "; ".join(parts) + "."


def absent(matrix: Matrix) -> dict[str, list[str]]:
    """Give the defects that are not in the matrix, by the reason."""
    reasons: dict[str, list[str]] = {}
    for identifier, why in matrix.absent:
        reasons.setdefault(why, []).append(identifier)
    return reasons


def named(ids: Iterable[str]) -> str:
    """List ids, or say that there is none."""
    return ", ".join(ids) or NOBODY


def _lines(matrix: Matrix, defects: Mapping[str, Defect], seen: frozenset[str]) -> Iterator[str]:
    yield "# What each defect turns red\n"
    yield f"{headline(matrix)}\n"
    yield "| Defect | Caught by | Missed by | Not proven | Fell besides | |"
    yield "|---|---|---|---|---|--:|"
    for row in matrix.rows:
        cells = {cell: matrix.cells(row, cell) for cell in Cell}
        told = [" ".join(cells[cell]) for cell in (Cell.CAUGHT, Cell.MISSED, Cell.OPEN, Cell.BESIDES)]
        told[2] = "all: the run gave no results" if not row.verdicts else told[2]
        yield f"| {row.defect} {defects[row.defect].title} | {' | '.join(told)} | {len(cells[Cell.BESIDES])} |"
    yield ""
    yield f"- Turned red by no defect here (UNPROVEN): {named(one for one in matrix.unproven if one not in seen)}"
    if elsewhere := [one for one in matrix.unproven if one in seen]:
        yield f"- Turned red by no defect here, and by one elsewhere: {named(elsewhere)}"
    yield f"- Fell, and never by a defect that names it: {named(matrix.besides_only)}"
    yield f"- Observations that only one defect turns wrong: {len(matrix.by_one_defect)} of {len(matrix.witnesses)}"
    yield f"- Defects that a single observation sees: {named(matrix.sole)}"
    looking = sights(matrix)
    alone, bare = sum(bool(one.alone) for one in looking), sum(not one.alone and not one.stays for one in looking)
    yield f"- Steps that alone see a defect: {alone} of {len(looking)}; of the others, without a reason to stay: {bare}"
    if matrix.observed:
        yield f"- Observations that no defect here has turned wrong: {len(matrix.never_wrong)} of {len(matrix.observed)}"
    for why, ids in absent(matrix).items():
        yield f"- Not in the matrix, {why}: {', '.join(ids)}"
    if never := [one.id for one in registry().values() if one.id not in matrix.columns]:
        yield f"- Checkpoints that only images or a cluster can show: {', '.join(never)}"
    yield f"\n{tally(seen)}"
