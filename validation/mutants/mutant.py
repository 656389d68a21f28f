"""A mechanical change of one file."""

from dataclasses import dataclass, field

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        file: the path below the source's folder.
        line: where the changed piece begins.
        kind: what was done to it.
        before, after: the piece, and what stands in its place.
        text: the whole file with the change.
    """

    file: str
    line: int
    kind: str
    before: str
    after: str
    text: str = field(repr=False)

    def __str__(self) -> str:
        """Name it: `system/api/votes.py:40 condition turned round: «x» -> «not x»`."""
        before, after = (" ".join(piece.split())[:SHOWN] for piece in (self.before, self.after))
        return f"{self.file}:{self.line} {self.kind}: «{before}» -> «{after}»"
