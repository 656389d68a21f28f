"""What a guest is, and when it sees a defect: when it says something of the planted copy that it does not say of the unchanged one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path

from validation.core.errors import HarnessError
from validation.defects.catalogue import Change, Defect, catalogue, planted

ORIGINAL = tuple(f"D{number}" for number in range(1, 12))
"""The defects that the original project had and found late or never."""
AS_A_FILE = {"D5": "D49"}
"""D5 is a setting of a running Redis. Who reads files is shown the same where it would stand in one: in the chart."""

Says = frozenset[str]


class NotHad(Exception):
    """The guest is not here; the message says why."""


class Word(StrEnum):
    """What is said of a guest and a defect."""

    SEES = "sees"
    SEES_NOT = "does not see"
    CANNOT = "cannot look"


@dataclass(frozen=True)
class Guest:
    """A tool that others keep.

    Attributes:
        name: as it is called.
        purpose: what it is for, in its own words, more or less.
        command: what is asked, as somebody would type it.
        reads: which files it looks at, as patterns.
        version: tells its version.
        ask: gives what it says of a copy of the source with a defect in it, one line a finding, without line numbers.
        control: a defect of the kind that it is made for. Who does not see that one did not look.
        runs_the_system: whether it looks at the running system, and so at the settings of servers as well.
    """

    name: str
    purpose: str
    command: str
    reads: tuple[str, ...]
    version: Callable[[], str]
    ask: Callable[[Path, Defect | None], Says]
    control: Defect
    runs_the_system: bool = False

    def shown(self, defect: Defect) -> Defect:
        """The planting that it is shown."""
        return defect if self.runs_the_system else catalogue()[AS_A_FILE.get(defect.id, defect.id)]

    def can_look(self, defect: Defect) -> bool:
        """Tell whether any of what the defect changes is something that it looks at."""
        planting = self.shown(defect)
        changed = any(fnmatch(change.file, pattern) for change in planting.changes for pattern in self.reads)
        return changed or (self.runs_the_system and bool(planting.redis))


@dataclass(frozen=True)
class Verdict:
    """What became of a guest and a defect: a word, and what it said that it does not say of the unchanged copy."""

    defect: str
    word: Word
    said: tuple[str, ...] = ()


def control(file: str, find: str, replace: str) -> Defect:
    """Make a defect that a guest must see, and that no checkpoint of ours is asked about."""
    return Defect("control", "a control", "", "", changes=(Change(file, find, replace),))


def verdicts(guest: Guest) -> Iterator[Verdict]:
    """Ask a guest about each of the eleven.

    Raises:
        NotHad: it is not here, or it does not see its control.
    """
    with planted(None) as copy:
        unchanged = guest.ask(copy, None)
    if not _said(guest, guest.control) - unchanged:
        raise NotHad("it does not see what it is made for, so it did not look")
    for identifier in ORIGINAL:
        defect = catalogue()[identifier]
        if not guest.can_look(defect):
            yield Verdict(identifier, Word.CANNOT)
            continue
        said = _said(guest, defect) - unchanged
        if said and guest.runs_the_system:  # what it sends is drawn at random, so a remark that does not come again is chance
            said &= _said(guest, defect)
        yield Verdict(identifier, Word.SEES if said else Word.SEES_NOT, tuple(sorted(said)))


def _said(guest: Guest, defect: Defect) -> Says:
    planting = defect if defect is guest.control else guest.shown(defect)
    with planted(planting) as copy:
        return guest.ask(copy, planting)


@dataclass(frozen=True)
class Told:
    """What is known of a guest afterwards.

    Attributes:
        name, version, purpose, command: of the guest.
        verdicts: one for each of the eleven.
        why: why it was not asked; empty: it was.
    """

    name: str
    version: str
    purpose: str
    command: str
    verdicts: tuple[Verdict, ...] = ()
    why: str = ""

    def word(self, defect: str) -> str:
        """What it says of a defect."""
        return next((verdict.word.value for verdict in self.verdicts if verdict.defect == defect and not self.why), "not had here")

    def count(self) -> str:
        """How many it sees, of those that it can look at."""
        seen, looked = (sum(v.word in words for v in self.verdicts) for words in ({Word.SEES}, {Word.SEES, Word.SEES_NOT}))
        return "" if self.why else f"{seen} of {looked}"


def asked(guest: Guest) -> Told:
    """Ask a guest about the eleven; one that cannot be had says why."""
    version = "not had here"
    try:
        version = guest.version()
        return Told(guest.name, version, guest.purpose, guest.command, tuple(verdicts(guest)))
    except (NotHad, HarnessError) as error:  # it is not here, or the system that it should look at did not start
        return Told(guest.name, version, guest.purpose, guest.command, why=str(error))
