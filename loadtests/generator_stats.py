"""A load generator's statistics about itself: `generator-<process>.jsonl`, one line per second. Nothing here imports Locust."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self


class Second(NamedTuple):
    """One second of a generator process.

    Attributes:
        at: end of this second, in seconds since the start of the schedule.
        cpu: CPU use of the process, in cores.
        late_ms: largest delay of a timer due every 50 ms, which is how late requests due at that time were sent.
    """

    at: float
    cpu: float
    late_ms: float


@dataclass(frozen=True, slots=True)
class Generator:
    """The statistics of one generator process.

    Attributes:
        process: name of the process, as in the file names of its records.
        began: start of its schedule, in seconds since the epoch.
        planned: number of requests in its schedules, sent or not; "vote again" requests are never scheduled.
        seconds: statistics for each whole second.
    """

    process: str
    began: float
    planned: int
    seconds: list[Second]


class Writer:
    """Writes the statistics of this process, line-buffered."""

    def __init__(self, folder: Path, process: str, began: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"generator-{process}.jsonl").open("w", buffering=1, encoding="utf-8")
        self._line(process=process, began=began)

    def write(self, second: Second | None, planned: int) -> None:
        """Write one second, or None at the end, and the number of requests planned up to then."""
        self._line(planned=planned, **(second._asdict() if second else {}))

    def _line(self, **values: object) -> None:
        self._file.write(json.dumps(values) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def read(folder: Path) -> list[Generator]:
    """Return the statistics of all processes; the list is empty if the folder does not exist.

    For a killed process, they end with its last complete line.
    """
    return [one for file in sorted(folder.glob("generator-*.jsonl")) if (one := _read(file)) is not None]


def _read(file: Path) -> Generator | None:
    complete = file.read_text(encoding="utf-8").rpartition("\n")[0]
    if not complete:
        return None
    head, *lines = map(json.loads, complete.split("\n"))
    seconds = [Second(line["at"], line["cpu"], line["late_ms"]) for line in lines if "at" in line]
    return Generator(head["process"], head["began"], lines[-1]["planned"] if lines else 0, seconds)
