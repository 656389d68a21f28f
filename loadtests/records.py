"""What a load generator notes of each request: fixed binary lines in a file of its own process, so that a million cost 48 MB and no memory.

Nothing here imports Locust, whose import patches the standard library.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

SUFFIX = ".votes"
LINE = struct.Struct("<dddIHBx16s")
READ_LINES = 4096
NAMES = ("vote", "results", "vote again")
"""The names of requests, as Locust shows them; a line holds the index."""
OPTIONS = ("cats", "dogs")
NO_OPTION = 7
UNANSWERED = 0
"""The status of a request that got no answer."""


@dataclass(frozen=True, slots=True)
class Line:
    """One request.

    Attributes:
        name: one of `NAMES`.
        intended: when the schedule wanted it sent, in seconds since the epoch; latency counts from here.
        sent: when it was sent.
        ended: when its answer was read, or it was given up.
        number: of the vote within its process; the key is `key_of(process, number)`.
        status: the answer's, or `UNANSWERED`.
        option: what was voted for, or empty.
        vote_id: what the answer called the vote, or None.
    """

    name: str
    intended: float
    sent: float
    ended: float
    number: int
    status: int
    option: str
    vote_id: UUID | None


def key_of(process: str, number: int) -> str:
    """Give the Idempotency-Key of a vote: no two runs have a process of the same name."""
    return f"votecheck-{process}-{number}"


def new_process() -> str:
    """Make a name for this process that no other run has."""
    return f"{os.getpid()}-{os.urandom(6).hex()}"


class Writer:
    """The records of this process, `<process>.votes` in a folder; written through every second and at the end.

    Attributes:
        process: the name of the process, unique over all runs.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.process = new_process()
        self._file = (folder / f"{self.process}{SUFFIX}").open("wb", buffering=1 << 16)

    def write(self, line: Line) -> None:
        """Note one request."""
        option = OPTIONS.index(line.option) if line.option else NO_OPTION
        packed = (NAMES.index(line.name) << 3) | option
        vote = line.vote_id.bytes if line.vote_id else bytes(16)
        self._file.write(LINE.pack(line.intended, line.sent, line.ended, line.number, line.status, packed, vote))

    def flush(self) -> None:
        """Hand over to the operating system what is noted."""
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def read(folder: Path) -> Iterator[tuple[str, Line]]:
    """Read all records of a folder, one process after the other, in bounded memory: the process and the line.

    A last line that is cut off, as a killed process leaves it, is left out.
    """
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        with file.open("rb") as opened:
            while chunk := opened.read(LINE.size * READ_LINES):
                for packed in LINE.iter_unpack(chunk[: len(chunk) - len(chunk) % LINE.size]):
                    yield file.stem, _line(packed)


def _line(packed: tuple[float, float, float, int, int, int, bytes]) -> Line:
    intended, sent, ended, number, status, names, vote = packed
    option = names & 7
    return Line(
        NAMES[names >> 3], intended, sent, ended, number, status,
        "" if option == NO_OPTION else OPTIONS[option], UUID(bytes=vote) if any(vote) else None,
    )  # fmt: skip
