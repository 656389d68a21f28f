"""The record of a run, `results.jsonl`: one sealed event per line. Every report is derived from this file alone.

A seal is a digest of its own line and of the seal before it, so that no line can be changed, moved or removed unnoticed.
"""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from validation.core.errors import HarnessError, UsageError
from validation.core.interruption import Held
from validation.record.events import Event, HarnessFailed, Listener


class Recorder:
    """Writes sealed events to a file and passes each one to the listeners.

    Args:
        file: the record; its folder is created.
        listeners: called with each event as it happens.

    Attributes:
        lost: whether an event could not be written.

    Raises:
        HarnessError: the record cannot be created.
    """

    def __init__(self, file: Path, listeners: tuple[Listener, ...] = ()) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._file = file.open("wb", buffering=0)
        except OSError as error:
            raise _not_writable(file, error) from error
        self.lost = False
        self._seal = ""
        self._listeners = listeners
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Write one event at once, so that a crash loses none.

        If it cannot be written, the listeners hear of it, and the record ends with the event before it: later events are dropped.
        """
        line = msgspec.json.encode(event).decode()
        with self._lock, Held():  # background work records measurements, too, and an interruption leaves no half of a line
            if self.lost:
                return
            self._seal = _seal(self._seal, line)
            self._append(f"{self._seal} {line}\n".encode())
            for listener in () if self.lost else self._listeners:
                listener(event)

    def _append(self, line: bytes) -> None:
        begun, left = self._file.tell(), memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            self.lost = True
            with contextlib.suppress(OSError):
                self._file.truncate(begun)
            for listener in self._listeners:
                listener(HarnessFailed(str(_not_writable(Path(self._file.name), error))))

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # every event was written at once, or reported
            self._file.close()


def read(file: Path) -> Iterator[Event]:
    """Yield the events of a record, checking each seal.

    Raises:
        UsageError: the record does not exist, or a line was changed after the run.
    """
    if not file.is_file():
        raise UsageError(f"The record {file} does not exist.", "the run was made elsewhere, or its folder was removed", "votecheck run")
    decoder = msgspec.json.Decoder(Event)
    previous = ""
    with file.open(encoding="utf-8", newline="\n") as lines:  # \n alone ends a line: not \r, \x85 or \u2028
        for number, whole in enumerate(lines, 1):
            seal, _, line = whole.removesuffix("\n").partition(" ")
            previous = _seal(previous, line)
            if seal != previous:
                raise UsageError(f"Line {number} of {file} was changed after the run.", "", "votecheck run")
            yield decoder.decode(line)


def seal_of(file: Path) -> tuple[str, int]:
    """Return the last seal of a record, which `read` checks, and the number of its lines."""
    lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return lines[-1].partition(" ")[0], len(lines)


def _not_writable(file: Path, error: OSError) -> HarnessError:
    return HarnessError(f"The record {file} cannot be written: {error.strerror}.", "a full disk, or a folder that cannot be written to")


def _seal(previous: str, line: str) -> str:
    return hashlib.sha256(f"{previous}{line}".encode()).hexdigest()[:16]
