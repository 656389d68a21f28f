"""What became of defects, kept one a line: `reports/defects/results.jsonl`. The newest line about a thing counts."""

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
from validation.defects.changes import EVERYWHERE, SAID
from validation.record.verdicts import Verdict
from validation.registry.checkpoints import registry

FOLDER = "defects"
RESULTS = "results.jsonl"
SOURCES = ("system", "chart", "features", "validation", "loadtests")
UNCHANGED = "D0"
"""The id of the system without a defect."""


class Seen(msgspec.Struct, frozen=True):
    """Something that was observed, by where it is in the protocol; what it was compared with is in the run's own record."""

    checkpoint: str
    scenario: str
    step: str
    subject: str


class Proof(msgspec.Struct, tag="proof", tag_field="kind", frozen=True):
    """What became of a defect at the checkpoints that it names.

    Attributes:
        bench: where: `here`, or the options that name a cluster.
        digest: what the result depends on.
        catch, said: the result and its words.
        red: the checkpoints that turned red: all that it names, if it was caught.
        at: when, in UTC.
        seconds: how long it took, beside others.
    """

    defect: str
    bench: str
    digest: str
    catch: str
    said: str
    red: list[str]
    at: str
    seconds: float = 0.0


class Row(msgspec.Struct, tag="matrix", tag_field="kind", frozen=True):
    """What one run of everything that can see it made of a defect.

    Attributes:
        named: the checkpoints that must turn red.
        verdicts: of each checkpoint that was in scope, by its id; none: the run gave no results.
        wrong: the observations that contradict the protocol.
        seen: all observations; of the unchanged system only.
        trouble: what kept the run from its end, or the defect from being planted.
        apart: the checkpoints that did not look: they rest on nothing that the defect changes.
    """

    defect: str
    digest: str
    named: list[str]
    verdicts: dict[str, str]
    wrong: list[Seen]
    seen: list[Seen]
    seconds: float
    trouble: str
    at: str
    apart: list[str] = []

    @property
    def red(self) -> tuple[str, ...]:
        """The checkpoints that turned red."""
        return tuple(i for i, verdict in self.verdicts.items() if verdict == Verdict.FAILED)


Line = Proof | Row


def digest_of_sources(project: Path = PROJECT, folders: Iterable[str] = SOURCES) -> str:
    """Give the digest of what every result depends on: the system, the judge, their packages, and Python. Documents are not among them."""
    files = [file for folder in folders for file in files_below(project / folder)]
    files += [project / name for name in EVERYWHERE if (project / name).is_file()]
    judged = sorted(set(files) - {project / file for file in SAID})  # an entry counts for its own defect only
    digest = hashlib.sha256(f"{platform.python_implementation()} {platform.python_version()}\0".encode())
    for piece in contents(project, judged):
        digest.update(piece)
    return digest.hexdigest()[:16]


def digest_of(defect: Defect, sources: str) -> str:
    """Give the digest of what the result of a defect depends on: all of its entry, the sources by their digest, and tests that see it."""
    tests = digest_of_sources(folders=("tests",)) if defect.tests else ""
    told = json.dumps([asdict(defect), sources, tests], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def now() -> str:
    """Give the moment, in UTC, as lines hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def keep(file: Path, line: Line) -> None:
    """Add a line at once, so that whatever ends the command leaves what was seen."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = msgspec.json.encode(line) + b"\n"
    with file.open("ab+") as lines:
        if lines.tell():
            lines.seek(-1, 2)
            if lines.read(1) != b"\n":  # a line was cut: it must not take this one with it
                written = b"\n" + written
        lines.write(written)


def read(file: Path) -> list[Line]:
    """Read the newest line about each thing. A line that was cut, or that another version wrote, is none."""
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
    """Give the checkpoints that a defect which names them has turned red. One that fell by the way has not shown that it sees anything.

    Args:
        lines: proofs and rows, of whatever state of the source.
        defects: the catalogue; a line about a defect that is in it no more shows nothing.
    """
    named = {identifier: {*defect.checkpoints, *defect.cluster_checkpoints} for identifier, defect in defects.items()}
    return frozenset(checkpoint for line in lines for checkpoint in line.red if checkpoint in named.get(line.defect, ()))


def last_known(file: Path, defects: Mapping[str, Defect]) -> dict[str, bool]:
    """Give the checkpoints that have been seen to fail by what is known, in order, and whether in this very state of the source."""
    lines = read(file)
    if not (ever := self_tested(lines, defects)):
        return {}
    sources = digest_of_sources()
    now = self_tested((line for line in lines if line.defect in defects and is_of(line, defects[line.defect], sources)), defects)
    return {one: one in now for one in registry() if one in ever}


def is_of(line: Line, defect: Defect, sources: str) -> bool:
    """Tell whether a line is about a defect as its entry and the sources stand."""
    return line.digest == digest_of(defect, sources)
