"""The results of mutants, one per line: `reports/defects/mutants.jsonl`. A line counts for one changed file and one state of the source."""

import hashlib
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from validation.defects.mutants.mutant import Mutant
from validation.defects.mutants.trial import Fate, Trial
from validation.defects.results import append, now

ACCEPTED = Path(__file__).with_name("accepted_survivors.toml")
RESULTS = "mutants.jsonl"
Key = tuple[str, str, str, str]
"""Identifies a mutant even if its line moves: file, kind, before and after."""


class Line(msgspec.Struct, frozen=True):
    """What became of a mutant.

    Attributes:
        digest: of the changed file and of the source that tested it.
        file, line, change, before, after: the mutant.
        fate, by, detail, seconds: as in `Trial`.
        at: when, in UTC.
    """

    digest: str
    file: str
    line: int
    change: str
    before: str
    after: str
    fate: str
    by: str
    detail: str
    seconds: float
    at: str

    @property
    def key(self) -> Key:
        """The key of its mutant."""
        return self.file, self.change, self.before, self.after


def digest(mutant: Mutant, sources: str) -> str:
    """Return the digest of a mutant and of what tests it.

    Args:
        mutant: the mutant.
        sources: the digest of the source.
    """
    return hashlib.sha256(f"{mutant.file}\0{mutant.text}\0{sources}".encode()).hexdigest()[:16]


def keep(file: Path, trial: Trial, sources: str) -> Line:
    """Append the result of a mutant at once, and return its line."""
    one = trial.mutant
    of_mutant = (digest(one, sources), one.file, one.line, one.kind, one.before, one.after)
    line = Line(*of_mutant, trial.fate.value, trial.by, trial.detail, trial.seconds, now())
    append(file, msgspec.json.encode(line))
    return line


def read(file: Path) -> dict[str, Line]:
    """Return the newest line about each digest. A line that was cut off, or written by another version, is skipped."""
    found: dict[str, Line] = {}
    decoder = msgspec.json.Decoder(Line)
    for line in file.read_bytes().splitlines() if file.is_file() else ():
        try:
            read_line = decoder.decode(line)
        except msgspec.DecodeError:
            continue
        found[read_line.digest] = read_line
    return found


class Accepted:
    """The survivors that someone has reviewed, each with the reason why it may live."""

    def __init__(self, file: Path = ACCEPTED) -> None:
        entries: list[dict[str, str]] = tomllib.loads(file.read_text(encoding="utf-8")).get("survivor", ())
        listed = [((one["file"], one["kind"], one["before"], one["after"]), one["reason"]) for one in entries]
        self._patterns = [one for one in listed if "*" in one[0][0]]
        self._exact = dict(one for one in listed if "*" not in one[0][0])

    def why(self, line: Line) -> str:
        """Return why a survivor is accepted; empty if it is not. An entry with a `*` in its file stands for every mutant it matches."""
        if line.fate != Fate.SURVIVED:
            return ""
        matching = (reason for pattern, reason in self._patterns if all(map(fnmatchcase, line.key, pattern)))
        return self._exact.get(line.key) or next(matching, "")
