"""Crashes of a sweep. Each is one line of an observation's evidence; reports parse the lines again to print the table."""

from collections.abc import Iterable
from dataclasses import dataclass

SUBJECT = "crash "
"""Begins the subject of an observation whose evidence is crashes."""
OK, NOT_REACHED = "ok", "not reached"
NO_WITNESS = "-"
VERDICT_MAX = 300
_BETWEEN = " | "
_CELLS = 5


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash of a process or of its connection.

    Attributes:
        point: the crash point.
        how: what was done there, and who continued.
        witness: the proof that the crash took effect.
        seconds: from the crash until every vote was counted.
        verdict: `ok`, or what was wrong; `not reached` and why, if there was no crash.
        log: the last log lines of the processes, if something was wrong.
    """

    point: str
    how: str
    witness: str
    seconds: float
    verdict: str
    log: str = ""

    @property
    def reached(self) -> bool:
        """Whether the crash happened."""
        return not self.verdict.startswith(NOT_REACHED)

    @property
    def ok(self) -> bool:
        """Whether everything was right afterwards."""
        return self.verdict == OK

    def __str__(self) -> str:
        cells = (self.point, self.how, self.witness, f"{self.seconds:.2f} s", self.verdict[:VERDICT_MAX])
        return _BETWEEN.join(" ".join(cell.split()) for cell in cells)


def not_reached(point: object, how: str, why: str) -> Crash:
    """Return a crash that never happened."""
    return Crash(str(point), how, NO_WITNESS, 0.0, f"{NOT_REACHED}: {why}")


def format_crashes(crashes: Iterable[Crash]) -> str:
    """Write crashes, one per line, followed by the logs of those that were not ok."""
    kept = tuple(crashes)
    return "\n".join([*map(str, kept), *(f"{crash.point}, {crash.how}, log:\n{crash.log}" for crash in kept if crash.log)])


def parse_crashes(evidence: str) -> tuple[Crash, ...]:
    """Parse crashes; skip other lines."""
    found = []
    for line in evidence.splitlines():
        cells = line.split(_BETWEEN, _CELLS - 1)
        if len(cells) == _CELLS and cells[3].removesuffix(" s").replace(".", "", 1).isdigit():
            found.append(Crash(cells[0], cells[1], cells[2], float(cells[3].removesuffix(" s")), cells[4]))
    return tuple(found)
