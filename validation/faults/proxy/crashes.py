"""Visits of crash points: each is a line of an observation's evidence, and is read back from it. The table of a sweep is made of them."""

from collections.abc import Iterable
from dataclasses import dataclass

SUBJECT = "death "
"""Begins the subject of an observation whose evidence is crashes."""
RIGHT, NOT_REACHED = "right", "not reached"
NOBODY_SAW = "-"
VERDICT_MAX = 300
_BETWEEN = " | "
_CELLS = 5


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash.

    Attributes:
        point: where.
        how: what was done there, and what went on.
        witness: how it is known that it took effect.
        seconds: from the crash until all was counted.
        verdict: `right`, or what was not as it must be; `not reached` and why, when there was no crash.
        log: the last that the processes said, where something was wrong.
    """

    point: str
    how: str
    witness: str
    seconds: float
    verdict: str
    log: str = ""

    @property
    def reached(self) -> bool:
        """Whether there was a crash."""
        return not self.verdict.startswith(NOT_REACHED)

    @property
    def right(self) -> bool:
        """Whether nothing was wrong afterwards."""
        return self.verdict == RIGHT

    def __str__(self) -> str:
        cells = (self.point, self.how, self.witness, f"{self.seconds:.2f} s", self.verdict[:VERDICT_MAX])
        return _BETWEEN.join(" ".join(cell.split()) for cell in cells)


def not_reached(point: object, how: str, why: str) -> Crash:
    """Tell of a crash that never came."""
    return Crash(str(point), how, NOBODY_SAW, 0.0, f"{NOT_REACHED}: {why}")


def written(crashes: Iterable[Crash]) -> str:
    """Write crashes, a line each, and behind them the logs of those that were wrong."""
    kept = tuple(crashes)
    return "\n".join([*map(str, kept), *(f"{crash.point}, {crash.how}, its log:\n{crash.log}" for crash in kept if crash.log)])


def read(evidence: str) -> tuple[Crash, ...]:
    """Read crashes back; a line that is none is left out."""
    found = []
    for line in evidence.splitlines():
        cells = line.split(_BETWEEN, _CELLS - 1)
        if len(cells) == _CELLS and cells[3].removesuffix(" s").replace(".", "", 1).isdigit():
            found.append(Crash(cells[0], cells[1], cells[2], float(cells[3].removesuffix(" s")), cells[4]))
    return tuple(found)
