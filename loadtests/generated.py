"""What a load generator notes of itself: `generator-<process>.jsonl`, one line a second. Nothing here imports Locust."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self


class Second(NamedTuple):
    """One second of a generator.

    Attributes:
        at: its end, in seconds since the begin of the schedule.
        cpu: what the process used, in cores.
        late_ms: the largest lateness of something due every 50 ms: so late did requests leave that were due then.
    """

    at: float
    cpu: float
    late_ms: float


@dataclass(frozen=True, slots=True)
class Generator:
    """One process.

    Attributes:
        process: its name, as in the names of its records.
        began: when its schedule began, in seconds since the epoch.
        planned: how many requests its schedules contained, whether they were sent or not; "vote again" is in no schedule.
        seconds: what it was like in each whole second.
    """

    process: str
    began: float
    planned: int
    seconds: list[Second]


class Writer:
    """Writes the notes of this process; each line is there at once."""

    def __init__(self, folder: Path, process: str, began: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"generator-{process}.jsonl").open("w", buffering=1, encoding="utf-8")
        self._line(process=process, began=began)

    def write(self, second: Second | None, planned: int) -> None:
        """Note a second, or none at the end, and how many requests were planned up to then."""
        self._line(planned=planned, **(second._asdict() if second else {}))

    def _line(self, **values: object) -> None:
        self._file.write(json.dumps(values) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def read(folder: Path) -> list[Generator]:
    """Read what all processes noted; a folder that is not there has none.

    What a killed process left counts up to its last whole line.
    """
    return [one for file in sorted(folder.glob("generator-*.jsonl")) if (one := _read(file)) is not None]


def _read(file: Path) -> Generator | None:
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
    if not whole:
        return None
    head, *lines = map(json.loads, whole.split("\n"))
    seconds = [Second(line["at"], line["cpu"], line["late_ms"]) for line in lines if "at" in line]
    return Generator(head["process"], head["began"], lines[-1]["planned"] if lines else 0, seconds)
