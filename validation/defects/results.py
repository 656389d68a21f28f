"""The results of seeded defects, one per line: `reports/defects/results.jsonl`. The newest line about a defect counts."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from validation.core.digests import contents, files_below
from validation.core.settings import PROJECT
from validation.defects.catalogue import Defect
from validation.defects.changes import EVERYWHERE, NO_CODE
from validation.record.results import Verdict

FOLDER = "defects"
RESULTS = "results.jsonl"
SOURCES = ("system", "chart", "features", "validation", "loadtests")
UNCHANGED = "D0"
"""The id of the system without a defect."""


class Observation(msgspec.Struct, frozen=True):
    """Where something was observed. What was expected and observed is in the run's own record."""

    checkpoint: str
    scenario: str
    step: str
    subject: str


class Proof(msgspec.Struct, tag="proof", tag_field="kind", frozen=True):
    """What became of a defect at the checkpoints that must catch it.

    Attributes:
        bench: where: `here`, or the options that name a cluster.
        digest: of everything the result depends on.
        outcome, detail: the result, and the finding or the reason.
        failed: the checkpoints that failed: if it was caught, all that must catch it.
        at: when, in UTC.
        seconds: how long it took, beside others.
    """

    defect: str
    bench: str
    digest: str
    outcome: str
    detail: str
    failed: list[str]
    at: str
    seconds: float = 0.0


class Row(msgspec.Struct, tag="matrix", tag_field="kind", frozen=True):
    """What became of a defect at every checkpoint whose inputs it changes, in one run.

    Attributes:
        expected: the checkpoints that must fail.
        verdicts: of each checkpoint that ran, by its id; empty: the run gave no results.
        wrong: the observations that contradict the protocol.
        observations: all observations; of the unchanged system only.
        harness_error: what kept the defect from being applied, or the run from completing.
        unaffected: the checkpoints that did not run: the defect changes none of their inputs.
    """

    defect: str
    digest: str
    expected: list[str]
    verdicts: dict[str, str]
    wrong: list[Observation]
    observations: list[Observation]
    seconds: float
    harness_error: str
    at: str
    unaffected: list[str] = []

    @property
    def failed(self) -> tuple[str, ...]:
        """The checkpoints that failed."""
        return tuple(i for i, verdict in self.verdicts.items() if verdict == Verdict.FAILED)


Line = Proof | Row


def digest_of_sources(project: Path = PROJECT, folders: Iterable[str] = SOURCES) -> str:
    """Return the digest of what every result depends on: system, harness, their packages, and Python; not the documents."""
    files = [file for folder in folders for file in files_below(project / folder)]
    files += [project / name for name in EVERYWHERE if (project / name).is_file()]
    counted = sorted(set(files) - {project / file for file in NO_CODE})  # an entry counts for its own defect only
    digest = hashlib.sha256(f"{platform.python_implementation()} {platform.python_version()}\0".encode())
    for piece in contents(project, counted):
        digest.update(piece)
    return digest.hexdigest()[:16]


def digest_of(defect: Defect, sources: str) -> str:
    """Return the digest of what the result of a defect depends on: its entry, the digest of the sources, and the tests that catch it."""
    tests = digest_of_sources(folders=("tests",)) if defect.tests else ""
    hashed = json.dumps([asdict(defect), sources, tests], sort_keys=True)
    return hashlib.sha256(hashed.encode()).hexdigest()[:16]


def now() -> str:
    """Return the current time in UTC, in ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def keep(file: Path, line: Line) -> None:
    """Append a line at once, so that an interrupted command loses no result."""
    append(file, msgspec.json.encode(line))


def append(file: Path, line: bytes) -> None:
    """Append a line to a file of results."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = line + b"\n"
    with file.open("ab+") as lines:
        if lines.tell():
            lines.seek(-1, 2)
            if lines.read(1) != b"\n":  # the last line was cut off: it must not spoil this one
                written = b"\n" + written
        lines.write(written)


def read(file: Path) -> list[Line]:
    """Return the newest line about each defect and bench. A line that was cut off, or written by another version, is skipped."""
    newest: dict[tuple[str, str, str], Line] = {}
    decoder = msgspec.json.Decoder(Line)
    for line in file.read_bytes().splitlines() if file.is_file() else ():
        try:
            found = decoder.decode(line)
        except msgspec.DecodeError:
            continue
        key = (type(found).__name__, found.defect, found.bench if isinstance(found, Proof) else "")
        newest.pop(key, None)
        newest[key] = found
    return list(newest.values())


def self_tested(lines: Iterable[Line], defects: Mapping[str, Defect]) -> frozenset[str]:
    """Return the checkpoints that failed for a defect that they must catch. One that merely also failed has not shown that it can.

    Args:
        lines: proofs and rows, of any state of the source.
        defects: the catalogue; a line about a defect that is no longer in it shows nothing.
    """
    expected = {identifier: {*defect.checkpoints, *defect.cluster_checkpoints} for identifier, defect in defects.items()}
    return frozenset(checkpoint for line in lines for checkpoint in line.failed if checkpoint in expected.get(line.defect, ()))


def is_current(line: Line, defect: Defect, sources: str) -> bool:
    """Return whether a line was written for the current entry of the defect and the current sources."""
    return line.digest == digest_of(defect, sources)
