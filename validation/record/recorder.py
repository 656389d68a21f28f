"""The record of a run, `results.jsonl`: one sealed event per line. Every report is derived from this file alone.

A seal is a digest of its own line and of the seal before it, so that no line can be changed, moved or removed unnoticed.
"""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from validation.core.errors import UsageError
from validation.record.events import Event, Listener


class Recorder:
    """Writes sealed events to a file and passes each one to the listeners.

    Args:
        file: the record; its folder is created.
        listeners: called with each event as it happens.
    """

    def __init__(self, file: Path, listeners: tuple[Listener, ...] = ()) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("w", encoding="utf-8")
        self._seal = ""
        self._listeners = listeners
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Write one event and flush it, so that a crash loses none."""
        line = msgspec.json.encode(event).decode()
        with self._lock:  # background work records measurements, too
            self._seal = _seal(self._seal, line)
            self._file.write(f"{self._seal} {line}\n")
            self._file.flush()
            for listener in self._listeners:
                listener(event)

    def close(self) -> None:
        """Close the file."""
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
                raise UsageError(f"Line {number} of {file} was changed after the run.", "", "votecheck run, for a new record")
            yield decoder.decode(line)


def _seal(previous: str, line: str) -> str:
    return hashlib.sha256(f"{previous}{line}".encode()).hexdigest()[:16]
