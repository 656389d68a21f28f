"""The matrix as Markdown, for the terminal and a pull request. It contains nothing that a system under test answered."""

from collections.abc import Iterable, Iterator, Mapping

from validation.defects.catalogue import Defect
from validation.defects.matrix.matrix import Cell, Matrix
from validation.defects.matrix.steps import step_results
from validation.registry.checkpoints import registry
from validation.report.model import tally
from validation.report.text import counted


def markdown(matrix: Matrix, defects: Mapping[str, Defect], self_tested: Iterable[str]) -> str:
    """Return the matrix in Markdown.

    Args:
        matrix: the matrix.
        defects: the catalogue, for titles.
        self_tested: the checkpoints that are self-tested, by this matrix or elsewhere.
    """
    return "\n".join(_lines(matrix, defects, frozenset(self_tested)))


def headline(matrix: Matrix) -> str:
    """Return one sentence that says how many defects were caught, survived or were not proven."""
    caught = sum(matrix.is_caught(row) for row in matrix.rows)
    survived = [row.defect for row in matrix.rows if matrix.cells(row, Cell.SURVIVED)]
    unclear = [row.defect for row in matrix.rows if not matrix.is_caught(row) and row.defect not in survived]
    of = counted(len(matrix.rows), "defect")
    parts = [f"{caught} of {of} caught by every checkpoint that must catch it"]
    parts += [f"survived: {', '.join(survived)}"] * bool(survived) + [f"not proven: {', '.join(unclear)}"] * bool(unclear)
    return "; ".join(parts) + "."


def excluded(matrix: Matrix) -> dict[str, list[str]]:
    """Return the defects that the matrix does not include, by the reason."""
    reasons: dict[str, list[str]] = {}
    for identifier, why in matrix.excluded:
        reasons.setdefault(why, []).append(identifier)
    return reasons


def listed(ids: Iterable[str]) -> str:
    """Return the ids separated by commas, or "none"."""
    return ", ".join(ids) or "none"


def _lines(matrix: Matrix, defects: Mapping[str, Defect], self_tested: frozenset[str]) -> Iterator[str]:
    yield "# Detection matrix\n"
    yield f"{headline(matrix)}\n"
    yield "| Defect | Caught by | Survived | Not proven | Also failed | |"
    yield "|---|---|---|---|---|--:|"
    for row in matrix.rows:
        cells = {cell: matrix.cells(row, cell) for cell in Cell}
        columns = [" ".join(cells[cell]) for cell in (Cell.CAUGHT, Cell.SURVIVED, Cell.NOT_PROVEN, Cell.ALSO_FAILED)]
        columns[2] = "all: the run gave no results" if not row.verdicts else columns[2]
        yield f"| {row.defect} {defects[row.defect].title} | {' | '.join(columns)} | {len(cells[Cell.ALSO_FAILED])} |"
    yield ""
    yield f"- Not self-tested: {listed(one for one in matrix.never_failed if one not in self_tested)}"
    if elsewhere := [one for one in matrix.never_failed if one in self_tested]:
        yield f"- Self-tested elsewhere, but never failed here: {listed(elsewhere)}"
    yield f"- Failed, but never for a defect that they must catch: {listed(matrix.only_also_failed)}"
    yield f"- Observations that only one defect makes wrong: {len(matrix.wrong_for_one)} of {len(matrix.wrong)}"
    yield f"- Defects that a single observation catches: {listed(matrix.caught_by_one)}"
    steps = step_results(matrix)
    alone, unexplained = sum(bool(one.alone) for one in steps), sum(not one.alone and not one.reason for one in steps)
    yield f"- Steps that are the only one to catch a defect: {alone} of {len(steps)}; others without a reason to keep them: {unexplained}"
    if matrix.observed:
        yield f"- Observations that no defect makes wrong: {len(matrix.never_wrong)} of {len(matrix.observed)}"
    for why, ids in excluded(matrix).items():
        yield f"- Not included, {why}: {', '.join(ids)}"
    if missing := [one.id for one in registry().values() if one.id not in matrix.columns]:
        yield f"- Checkpoints that need images or a cluster: {', '.join(missing)}"
    yield f"\n{tally(self_tested)}"
