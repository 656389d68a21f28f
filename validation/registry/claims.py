"""The registry of claims: what a user can read about the system and votecheck, and what could contradict it.

`claims/*.toml` has one file for each kind of document. A claim is proven if it names observations that could contradict it, and seeded
defects that show that these can fail. Every other claim is UNPROVEN and says why.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from validation.core.errors import HarnessError

CLAIMS = Path(__file__).with_name("claims")
PROVEN, UNPROVEN = "PROVEN", "UNPROVEN"
TEST, LOAD = "test", "load"
"""What observes a claim apart from a checkpoint: a test of this repository, for claims about votecheck, or a load scenario."""
_PLACEHOLDER = re.compile(r"<[^<>]+>")


class Observation(msgspec.Struct, frozen=True):
    """What could contradict a claim.

    Attributes:
        by: the id of a checkpoint, `test` or `load`.
        what: the text of a step without its keyword, as its feature writes it; or the test, or the load scenario.
        where: the scenario, or the row by its first cell, if the step observes the claim only there.
    """

    by: str
    what: str
    where: str = ""

    @property
    def caught(self) -> str:
        """What a defect must name to show that this observation can fail."""
        return f"{self.by}: {self.what}" if self.by in (TEST, LOAD) else self.by

    def is_step(self, text: str) -> bool:
        """Return whether a step of a run, with its keyword and without placeholders, is the step of this observation."""
        _, _, bare = text.partition(" ")
        return re.fullmatch(".+".join(map(re.escape, _PLACEHOLDER.split(self.what))), bare) is not None


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promise.

    Attributes:
        id: the prefix of its file and a number; it never changes.
        sentence: what the page says, without emphasis and links; the cells of a row of a table are separated by ` | `.
        page: where it says so; empty: the page of the file.
        section: the heading above it, if the page says the same in several places.
        covers: what it is about: `variable API_PORT`, `event vote_accepted`; a test asks for everything that is documented.
        observed_by: what could contradict it, as `5.1: step` or `5.1: step @ scenario or row`.
        defects: the seeded defects that show that these observations can fail.
        unproven: why nothing contradicts it, or why nothing shows that this could fail.
    """

    id: str
    sentence: str
    page: str = ""
    section: str = ""
    covers: tuple[str, ...] = ()
    observed_by: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    unproven: str = ""

    @property
    def status(self) -> str:
        """PROVEN or UNPROVEN."""
        return UNPROVEN if self.unproven else PROVEN

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What could contradict it."""
        return tuple(map(_observation, self.observed_by))


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the registry: the claims of one kind of document."""

    prefix: str
    page: str
    claim: tuple[Claim, ...]


@cache
def documents() -> dict[str, Document]:
    """Return the files of the registry by name, each claim with its page.

    Raises:
        HarnessError: a file cannot be read, an id is wrong or occurs twice, or a claim is neither proven nor says why.
    """
    found = {file.stem: _read(file) for file in sorted(CLAIMS.glob("*.toml"))}
    every = [claim.id for document in found.values() for claim in document.claim]
    if twice := [identifier for identifier, times in Counter(every).items() if times > 1]:
        ids = ", ".join(twice)
        raise HarnessError(f"Two claims have the id {ids}.", "two branches added a claim", f"edit {CLAIMS}: one gets the next number")
    return found


def claims() -> dict[str, Claim]:
    """Return all claims by id, in order. Raises as `documents`."""
    return {claim.id: claim for document in documents().values() for claim in document.claim}


def proven(of: Iterable[Claim]) -> int:
    """Return how many of some claims are proven."""
    return sum(claim.status == PROVEN for claim in of)


def _read(file: Path) -> Document:
    try:
        read = msgspec.toml.decode(file.read_bytes(), type=Document)
    except msgspec.DecodeError as error:
        raise HarnessError(f"{file.name} is not a list of claims: {error}", "a misspelt field", f"edit {file}") from error
    for claim in read.claim:
        if problem := _problem(claim, read.prefix):
            raise HarnessError(f"Claim {claim.id} of {file.name} {problem}.", "", f"edit {file}")
    return msgspec.structs.replace(read, claim=tuple(msgspec.structs.replace(one, page=one.page or read.page) for one in read.claim))


def _problem(claim: Claim, prefix: str) -> str:
    if not re.fullmatch(rf"{re.escape(prefix)}-[1-9][0-9]*", claim.id):
        return f"needs an id such as {prefix}-1"
    if not claim.sentence.strip():
        return "has no sentence"
    complete = bool(claim.observed_by and claim.defects)
    if complete == bool(claim.unproven.strip()):
        return "is proven and says why it is not" if complete else "has no observation or no defect, and does not say why in `unproven`"
    if wrong := [text for text in claim.observed_by if not _observation(text).what]:
        return f"has an observation that is not of the form `5.1: step`: {wrong[0]}"
    return ""


def _observation(text: str) -> Observation:
    by, _, rest = text.partition(": ")
    what, _, where = rest.partition(" @ ")
    return Observation(by, what, where)
