"""Records of requests: fixed-size binary lines, one file per generator process. A million take 48 MB on disk and no memory.

Nothing here imports Locust, which patches the standard library on import.
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
"""Request names, as shown by Locust; a line stores the index."""
OPTIONS = ("cats", "dogs")
NO_OPTION = 7
UNANSWERED = 0
"""The status of a request without a response."""


@dataclass(frozen=True, slots=True)
class Line:
    """One request.

    Attributes:
        name: one of `NAMES`.
        intended: when the request was due, in seconds since the epoch; latency is measured from here.
        sent: when it was sent.
        ended: when the response was read, or the request was abandoned.
        number: number of the vote within its process; its Idempotency-Key is `key_of(process, number)`.
        status: status of the response, or `UNANSWERED`.
        option: the option voted for, or empty.
        vote_id: vote id in the response, or None.
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
    """Return the Idempotency-Key of a vote. It is unique, because process names are unique across runs."""
    return f"votecheck-{process}-{number}"


def new_process() -> str:
    """Return a name for this process that is unique across runs."""
    return f"{os.getpid()}-{os.urandom(6).hex()}"


class Writer:
    """Writes the records of this process to `<process>.votes` in a folder. `Run` flushes them every second.

    Attributes:
        process: name of the process, unique across runs.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.process = new_process()
        self._file = (folder / f"{self.process}{SUFFIX}").open("wb", buffering=1 << 16)

    def write(self, line: Line) -> None:
        """Write one request."""
        option = OPTIONS.index(line.option) if line.option else NO_OPTION
        packed = (NAMES.index(line.name) << 3) | option
        vote = line.vote_id.bytes if line.vote_id else bytes(16)
        self._file.write(LINE.pack(line.intended, line.sent, line.ended, line.number, line.status, packed, vote))

    def flush(self) -> None:
        """Flush buffered records to the operating system."""
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def read(folder: Path) -> Iterator[tuple[str, Line]]:
    """Yield process name and line for all records of a folder, process by process, in bounded memory.

    An incomplete last line, as left by a killed process, is skipped.
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
