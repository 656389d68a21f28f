"""One mechanical change of one file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        file: the path below the source folder.
        line: where the changed piece begins.
        kind: the kind of change.
        before, after: the piece and its replacement.
        text: the whole file with the change.
    """

    file: str
    line: int
    kind: str
    before: str
    after: str
    text: str = field(repr=False)

    def __str__(self) -> str:
        """Return a description such as `system/api/votes.py:40 condition negated: x -> not x`."""
        return f"{self.file}:{self.line} {self.kind}: {shortened(self.before)} -> {shortened(self.after)}"


def shortened(piece: str) -> str:
    """Return a piece of source on one line, cut."""
    return " ".join(piece.split())[:SHOWN]


def of_files(source: Path, paths: Iterable[Path], only: str, mutants: Callable[[str, str], list[Mutant]]) -> list[Mutant]:
    """Return the mutants of files, in the order of files and lines.

    Args:
        source: the folder that the paths of mutants are relative to.
        paths: the files, in any order.
        only: a prefix of relative paths; others are left out.
        mutants: returns the mutants of one file, given its path and its text.
    """
    files = {str(file.relative_to(source)): file for file in sorted(paths)}
    return [one for name, file in files.items() if name.startswith(only) for one in mutants(name, file.read_text(encoding="utf-8"))]
