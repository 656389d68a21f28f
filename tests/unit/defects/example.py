"""A small matrix: three defects and six checkpoints."""

from types import MappingProxyType

from validation.defects.catalogue import Change, Defect
from validation.defects.matrix.matrix import Matrix
from validation.defects.results import Observation, Row

HEADERS = Observation("2.3", "a refused body", "Then the headers are there", "headers of the answer")
COUNTED = Observation("6.2", "one vote", "Then it is counted", "count of cats")
LEDGER = Observation("7.1", "all votes", "Then every vote is counted once", "wrong votes")
AGAIN = Observation("6.2", "two votes", "Then they are counted", "count of cats")
NEVER = Observation("5.1", "a vote", "Then it is accepted", "status")

DEFECTS = MappingProxyType({
    one.id: one
    for one in (
        Defect("D3", "Another field", "A story.", "contract", ("6.2", "7.1"), (Change("a", "x", "y"),), cluster_checkpoints=("7.1",)),
        Defect("D13", "No headers", "A story.", "source", ("2.3",), (Change("b", "x", "y"),)),
        Defect("D4", "The wrong end", "A story.", "contract", ("6.1", "B1"), (Change("c", "x", "y"),)),
        Defect("D80", "In a cluster", "A story.", "chart", (), (Change("d", "x", "y"),), cluster_checkpoints=("B17",)),
    )
})  # fmt: skip
COLUMNS = ("2.3", "5.1", "6.1", "6.2", "7.1", "B1")
GREEN = MappingProxyType(dict.fromkeys(COLUMNS, "PASSED"))


def row(defect: str, *, wrong: tuple[Observation, ...] = (), error: str = "", digest: str = "d", **verdicts: str) -> Row:
    changed = {name.removeprefix("c").replace("_", "."): verdict for name, verdict in verdicts.items()}
    given = {**GREEN, **changed} if not error else {}
    return Row(defect, digest, list(DEFECTS[defect].checkpoints), given, list(wrong), [], 180.0, error, "2026-11-25T13:00:00+00:00")


ROWS = (
    row("D3", wrong=(COUNTED, AGAIN, LEDGER), c6_2="FAILED", c7_1="FAILED"),
    row("D13", wrong=(HEADERS,), c2_3="FAILED"),
    row("D4", wrong=(LEDGER,), c7_1="FAILED", B1="NOT PROVEN"),
)
MATRIX = Matrix(ROWS, COLUMNS, (HEADERS, COUNTED, LEDGER, AGAIN, NEVER), (("D80", "needs a cluster"),))
