"""The project's documents: the releases of the changelog, the plans of the roadmap, and the record of each phase."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from validation.core.errors import ProbeError
from validation.probes.source import markdown

MEASURED = re.compile(r"Measured on (\S+), (.+)")
"""The sentence of a record that says when and where its results were measured."""
CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
"""The headings of Keep a Changelog 1.1."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release of the changelog.

    Attributes:
        version: such as `0.3.2`.
        day: the release date; None if the heading has no valid date.
        changes: heading → titles of its items.
    """

    version: str
    day: date | None
    changes: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """The row of one checkpoint in the record of a phase."""

    checkpoint: str
    verdict: str
    result: str


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one phase.

    Attributes:
        decided: the links to decisions, relative to the record.
        broken: the links among them to missing files.
        rows: one for each checkpoint.
        day, machine: when and on what kind of machine the results were measured; None or empty if the record does not say.
    """

    decided: tuple[str, ...]
    broken: tuple[str, ...]
    rows: tuple[Row, ...]
    day: date | None
    machine: str


def text(source: Path, name: str) -> str:
    """Return the text of a document.

    Raises:
        ProbeError: it cannot be read. Callers observe first whether it exists.
    """
    try:
        return (source / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProbeError(f"{name} cannot be read: {error}") from error


def releases(changelog: str) -> list[Release]:
    """Return the releases of a changelog in the form of Keep a Changelog, in order; `Unreleased` is one of them."""
    found = []
    for heading, body in markdown.sections(changelog, 2):
        match = re.fullmatch(r"\[([^\]]+)\](?: - (\S+))?", heading)
        version, day = match.groups() if match else (heading, None)
        changes = {name: tuple(items(part)) for name, part in markdown.sections(body, 3)}
        found.append(Release(version, _day(day or ""), changes))
    return found


def items(document: str) -> list[str]:
    """Return the titles of the items of a document: `- **Title**: the rest`, or the whole first line."""
    return [title.strip(" .:") for title in markdown.list_items(document)]


def record(source: Path, phase: int) -> Record | None:
    """Return the record of a phase; None if it is missing."""
    file = source / "docs" / "results" / "phases" / f"phase-{phase}.md"
    if not file.is_file():
        return None
    written = text(source, str(file.relative_to(source)))
    links = tuple(link.partition("#")[0] for link in markdown.links(written) if link.startswith("../../adr/"))
    rows = [row for row in markdown.table_rows(written) if re.fullmatch(r"\d\.\d", row[0]) and len(row) >= len(Row.__slots__)]
    measured = next(filter(None, map(MEASURED.match, markdown.paragraphs(written))), None)
    return Record(
        decided=links,
        broken=tuple(link for link in links if not (file.parent / link).is_file()),
        rows=tuple(Row(*row[:3]) for row in rows),
        day=_day(measured[1]) if measured else None,
        machine=measured[2].strip(" .") if measured else "",
    )


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
