"""The runs of a folder in short, from the `results.json` of each. `votecheck verify` checks that one against its record."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from validation.core.errors import UsageError
from validation.record.events import EarlierVerdict
from validation.record.results import Verdict
from validation.record.subject import Subject, differences
from validation.report.results_json import RESULTS

PACKED = ".tar.gz"
RESULTS_BYTES_MAX = 2**26
DEPTHS = ("*", "*/*")
"""Where the results of a run are below the folder: in that of the run, or one folder deeper, as in downloaded reports."""
DECIDED = frozenset({Verdict.PASSED, Verdict.FAILED})
"""The verdicts that an observation gave. A checkpoint that is not proven or waived says nothing about stability."""


class Checkpoint(msgspec.Struct, frozen=True):
    """The verdict on one checkpoint of a run, and how long it took in seconds."""

    id: str
    title: str
    verdict: str
    reason: str
    seconds: float


class Summary(msgspec.Struct, frozen=True):
    """One run.

    Attributes:
        checkpoints, beyond: the verdicts of the protocol and beyond it.
        shards: the shards that it was merged from.
    """

    run: str
    target: str
    verdict: str
    started: str
    seconds: float
    checkpoints: list[Checkpoint]
    beyond: list[Checkpoint]
    command: str = ""
    subject: Subject | None = None
    shards: list[dict[str, object]] = []

    @property
    def every(self) -> list[Checkpoint]:
        """All checkpoints that were in scope."""
        return [*self.checkpoints, *self.beyond]

    @property
    def commit(self) -> str:
        """The commit that it validated; empty if unknown."""
        return self.subject.commit if self.subject else ""

    @property
    def files(self) -> tuple[object, ...]:
        """What is the same for runs of the same files: the digests that it validated."""
        return tuple(sorted(self.subject.digests.items())) if self.subject and self.subject.digests else (self.run,)

    def count(self, verdict: Verdict) -> int:
        """Return the number of checkpoints with a verdict."""
        return sum(one.verdict == verdict for one in self.every)


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a folder, the oldest first.

    Attributes:
        places: the folder of each run, relative to the folder, by its id.
        unreadable: the folders that have results which could not be read.
    """

    summaries: tuple[Summary, ...]
    places: dict[str, str]
    unreadable: tuple[str, ...] = ()


def read(folder: Path) -> Runs:
    """Return the runs of a folder. A link or copy of one, such as `latest`, counts once.

    Raises:
        UsageError: the folder does not exist.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.", "no run was made here", "votecheck run")
    found, places, unreadable = dict[str, Summary](), dict[str, str](), list[str]()
    decoder = msgspec.json.Decoder(Summary)
    for file, content in _results(folder):
        place = file.parent.relative_to(folder).as_posix() if file.name == RESULTS else file.relative_to(folder).as_posix()
        try:
            summary = decoder.decode(content)
        except msgspec.MsgspecError:
            unreadable.append(place)
            continue
        if summary.run and summary.run not in found:
            found[summary.run], places[summary.run] = summary, place
    ordered = sorted(found.values(), key=lambda one: (one.started, one.run))
    return Runs(tuple(ordered), places, tuple(unreadable))


def same_subject(one: Summary, other: Summary) -> bool:
    """Return whether two runs validated the same files and images on the same kind of target. Unknown files are never the same."""
    return one.target == other.target and bool(one.subject and other.subject and is_same(one.subject, other.subject))


def is_same(one: Subject, other: Subject) -> bool:
    """Return whether two subjects have the same files, and the same images as far as both are known."""
    if not one.digests or one.digests != other.digests:
        return False
    return not differences(Subject(images=one.images), Subject(images=other.images))


def earlier(folder: Path, subject: Subject, target: str) -> Iterator[EarlierVerdict]:
    """Yield what earlier runs of the same subject on the same kind of target observed, for the record of a new run.

    Of several runs with the same verdict on a checkpoint it is the last one.
    """
    found: dict[tuple[str, str], EarlierVerdict] = {}
    for one in read(folder).summaries if folder.is_dir() else ():
        if one.target == target and one.subject and is_same(one.subject, subject):
            for checkpoint in (checkpoint for checkpoint in one.every if checkpoint.verdict in DECIDED):
                found[checkpoint.id, checkpoint.verdict] = EarlierVerdict(checkpoint.id, one.run, checkpoint.verdict, one.subject.images)
    yield from found.values()


def _results(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the results below a folder with the file that holds them, and those of packed runs; empty if it cannot be read."""
    for file in (file for depth in DEPTHS for file in sorted(folder.glob(f"{depth}/{RESULTS}")) if not file.parent.is_symlink()):
        try:
            yield file, file.read_bytes()
        except OSError:
            yield file, b""
    for pack in sorted(folder.glob(f"*{PACKED}")):
        yield pack, _packed(pack)


def _packed(pack: Path) -> bytes:
    try:
        with tarfile.open(pack, mode="r:gz") as tar:
            for entry in tar:
                if entry.isfile() and entry.name.endswith(f"/{RESULTS}") and entry.size <= RESULTS_BYTES_MAX:
                    content = tar.extractfile(entry)
                    return content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError, ValueError):
        pass
    return b""
