"""A tool, and when it reports a defect: when it has a remark about the changed copy that it does not have about the unchanged one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path

from validation.core.errors import HarnessError
from validation.defects.catalogue import Change, Defect, catalogue
from validation.defects.seeding import seeded_copy

ORIGINAL = tuple(f"D{number}" for number in range(1, 12))
"""The defects that the original project had and found late or never."""
AS_A_FILE = {"D5": "D49"}
"""D5 is a setting of a running Redis. Tools that read files get the same setting in the chart instead."""

Remarks = frozenset[str]


class NotAvailable(Exception):
    """The tool cannot run here; the message says why."""


class Outcome(StrEnum):
    """The outcome of one tool and one defect."""

    REPORTED = "reports it"
    SILENT = "does not report it"
    CANNOT_CHECK = "cannot check"


@dataclass(frozen=True)
class Tool:
    """A tool that others maintain.

    Attributes:
        name: its name.
        purpose: its purpose, roughly in its own words.
        command: the command, as a person would type it.
        reads: patterns of the files that it reads.
        version: returns its version.
        run: returns its remarks about a copy of the source with a defect, one line each, without line numbers.
        control: a defect of the kind that it is made for. A tool that does not report it did not really run.
        runs_the_system: whether it checks the running system, and with it the settings of servers.
    """

    name: str
    purpose: str
    command: str
    reads: tuple[str, ...]
    version: Callable[[], str]
    run: Callable[[Path, Defect | None], Remarks]
    control: Defect
    runs_the_system: bool = False

    def equivalent(self, defect: Defect) -> Defect:
        """Return the defect in the form that this tool can read."""
        return defect if self.runs_the_system else catalogue()[AS_A_FILE.get(defect.id, defect.id)]

    def can_check(self, defect: Defect) -> bool:
        """Return whether the defect changes anything that the tool reads."""
        seeded = self.equivalent(defect)
        changed = any(fnmatch(change.file, pattern) for change in seeded.changes for pattern in self.reads)
        return changed or (self.runs_the_system and bool(seeded.redis))


@dataclass(frozen=True)
class Result:
    """The outcome of one defect, and the remarks that the unchanged copy does not get."""

    defect: str
    outcome: Outcome
    remarks: tuple[str, ...] = ()


def control(file: str, find: str, replace: str) -> Defect:
    """Return a defect that a tool must report. No checkpoint runs against it."""
    return Defect("control", "a control", "", "", changes=(Change(file, find, replace),))


def results(tool: Tool) -> Iterator[Result]:
    """Run a tool against each of the eleven.

    Raises:
        NotAvailable: it cannot run, or does not report its control.
    """
    with seeded_copy(None) as copy:
        unchanged = tool.run(copy, None)
    if not _remarks(tool, tool.control) - unchanged:
        raise NotAvailable("it does not report its control, so it did not really run")
    for identifier in ORIGINAL:
        defect = catalogue()[identifier]
        if not tool.can_check(defect):
            yield Result(identifier, Outcome.CANNOT_CHECK)
            continue
        remarks = _remarks(tool, defect) - unchanged
        if remarks and tool.runs_the_system:  # its requests are random, so a remark that does not come again is chance
            remarks &= _remarks(tool, defect)
        yield Result(identifier, Outcome.REPORTED if remarks else Outcome.SILENT, tuple(sorted(remarks)))


def _remarks(tool: Tool, defect: Defect) -> Remarks:
    seeded = defect if defect is tool.control else tool.equivalent(defect)
    with seeded_copy(seeded) as copy:
        return tool.run(copy, seeded)


@dataclass(frozen=True)
class Report:
    """All results of a tool.

    Attributes:
        name, version, purpose, command: of the tool.
        results: one for each of the eleven.
        why: why it did not run; empty if it did.
    """

    name: str
    version: str
    purpose: str
    command: str
    results: tuple[Result, ...] = ()
    why: str = ""

    def outcome(self, defect: str) -> str:
        """Return the outcome of a defect."""
        return next((one.outcome.value for one in self.results if one.defect == defect and not self.why), "not available")

    def count(self) -> str:
        """Return how many it reports, of those that it can check."""
        reported, checked = (
            sum(one.outcome in outcomes for one in self.results) for outcomes in ({Outcome.REPORTED}, {Outcome.REPORTED, Outcome.SILENT})
        )
        return "" if self.why else f"{reported} of {checked}"


def report(tool: Tool) -> Report:
    """Run a tool against the eleven; the report of one that cannot run says why."""
    version = "not available"
    try:
        version = tool.version()
        return Report(tool.name, version, tool.purpose, tool.command, tuple(results(tool)))
    except (NotAvailable, HarnessError) as error:  # it is not installed, or the system that it should check did not start
        return Report(tool.name, version, tool.purpose, tool.command, why=str(error))
