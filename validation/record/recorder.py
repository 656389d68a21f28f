"""The raw evidence of a run: typed events, one JSON object a line, each line sealed by a digest that includes the line before.

Everything that a report says is made from this file alone (`results.jsonl`). Listeners see each event as it happens.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from validation.core.errors import UsageError

TEXT_MAX = 2000
"""A longer text of the system is cut in the record: the evidence is bounded."""


class RunStarted(msgspec.Struct, tag="run_started", tag_field="event", frozen=True):
    """What was asked for, where and of what.

    `self_tested`: the checkpoints that planted defects had turned red before, and whether in this very state of the source.
    """

    run: str
    target: str
    started: str
    scope: list[str]
    flags: list[str]
    machine: dict[str, str]
    versions: dict[str, str]
    waivers: list[dict[str, str]]
    self_tested: dict[str, bool] = {}


class Planned(msgspec.Struct, tag="scenario_planned", tag_field="event", frozen=True):
    """A scenario is to run: without it, its checkpoints would be judged by the others alone when a run ends early."""

    scenario: str
    name: str
    checkpoints: list[str]
    feature: str


class Started(msgspec.Struct, tag="scenario_started", tag_field="event", frozen=True):
    """A scenario begins."""

    scenario: str
    name: str
    checkpoints: list[str]
    feature: str


class Observed(msgspec.Struct, tag="observation", tag_field="event", frozen=True):
    """A fact compared with the protocol."""

    scenario: str
    step: str
    subject: str
    expected: str
    observed: str
    ok: bool
    evidence: str = ""
    remedy: str = ""


class Finished(msgspec.Struct, tag="scenario_finished", tag_field="event", frozen=True):
    """A scenario ended.

    `outcome` is `passed`, `failed` (a Finding), `not_proven` (it could not look) or `error` (the harness failed).
    """

    scenario: str
    outcome: str
    reason: str
    seconds: float
    fidelity: str


class Measured(msgspec.Struct, tag="measurement", tag_field="event", frozen=True):
    """A number about the run itself or about the system, in its unit."""

    name: str
    value: float
    unit: str


class HarnessFailed(msgspec.Struct, tag="harness_error", tag_field="event", frozen=True):
    """The harness failed outside of any scenario, or could not clean up."""

    what: str


class Snapshot(msgspec.Struct, tag="snapshot", tag_field="event", frozen=True):
    """What a cluster looked like when a scenario failed: files, by their path below the run's folder."""

    scenario: str
    files: list[str]


class RunFinished(msgspec.Struct, tag="run_finished", tag_field="event", frozen=True):
    """The last event of a run that was not cut off."""

    seconds: float


Event: TypeAlias = RunStarted | Planned | Started | Observed | Finished | Measured | HarnessFailed | Snapshot | RunFinished
Listener: TypeAlias = Callable[[Event], None]


def text(value: Any) -> str:
    """Write a value of the system for people, in at most `TEXT_MAX` characters."""
    written = (value if isinstance(value, str) else repr(value)).encode("utf-8", "backslashreplace").decode()
    return written if len(written) <= TEXT_MAX else f"{written[: TEXT_MAX - 40]}… ({len(written)} characters)"


class Recorder:
    """Writes events to a file, each sealed, and passes them on."""

    def __init__(self, file: Path, listeners: tuple[Listener, ...] = ()) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("w", encoding="utf-8")
        self._seal = ""
        self._listeners = listeners
        self._alone = threading.Lock()

    def emit(self, event: Event) -> None:
        """Write one event at once, so that a crash loses none."""
        line = msgspec.json.encode(event).decode()
        with self._alone:  # what begins beside the scenarios is measured, too
            self._seal = _seal(self._seal, line)
            self._file.write(f"{self._seal} {line}\n")
            self._file.flush()
            for listener in self._listeners:
                listener(event)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(file: Path) -> Iterator[Event]:
    """Give the events of a record back, checking each seal.

    Raises:
        UsageError: there is no such record, or a line is not as it was written.
    """
    if not file.is_file():
        raise UsageError(f"There is no record {file}.", "the run was not made here, or was removed", "votecheck run")
    decoder = msgspec.json.Decoder(Event)
    previous = ""
    with file.open(encoding="utf-8", newline="\n") as lines:  # no other character that some call an end of line is one here
        for number, whole in enumerate(lines, 1):
            seal, _, line = whole.removesuffix("\n").partition(" ")
            previous = _seal(previous, line)
            if seal != previous:
                raise UsageError(
                    f"Line {number} of {file} is not as it was written.", "the record was changed or cut", "run it again: votecheck run"
                )
            yield decoder.decode(line)


def _seal(previous: str, line: str) -> str:
    return hashlib.sha256(f"{previous}{line}".encode()).hexdigest()[:16]
