"""The commands of the documents, and how each is proven. The table is `validation/registry/commands.toml`."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from itertools import dropwhile
from pathlib import Path
from typing import Any

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.probes.source import markdown
from validation.probes.source.command_lines import ASSIGNMENT

TABLE = PROJECT / "validation/registry/commands.toml"
PLACES = ("local", "containers", "cluster", "tests", "nowhere")
RECORDS = ("adr", "phases")
"""Folders of records: their commands are those of their time."""
_COMMENT = re.compile(r"(?<!\S)#")
"""Where a comment of a command may begin, unless it is inside quotes."""
_VARYING = re.compile(r"…|\b[0-9a-f]{8}-|\b\d+(?= s\b)|\s+")
"""What differs between two runs of a command: text that the page leaves out, the start of an id, a number of seconds; and spaces."""


@dataclass(frozen=True, slots=True)
class Row:
    """How a command is proven; `validation/registry/commands.toml` describes the fields."""

    command: str
    page: str = "*"
    where: str = "local"
    because: str = ""
    by: str = ""
    instead: str = "{command}"
    before: tuple[str, ...] = ()
    exit: tuple[int, ...] = (0,)
    shows: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a page, or a change that the page asks for before it.

    Attributes:
        page: its page, relative to the project.
        line: the command as written, without its comment; of a change, the file that is changed.
        row: how it is proven.
        output: the block of output that follows it, or empty.
        removed, added: of a change: the line that is replaced, and its replacement.
    """

    page: str
    line: str
    row: Row
    output: str = ""
    removed: str = ""
    added: str = ""

    @property
    def runs(self) -> str:
        """The command that is run."""
        return self.row.instead.format(command=self.line)


@dataclass
class Page:
    """A page that has commands.

    Attributes:
        name: its path, relative to the project.
        steps: its commands and changes, in order.
        files: the files that its other blocks show, by name.
    """

    name: str
    steps: list[Step] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def places(self) -> set[str]:
        """Return where its commands run."""
        return {step.row.where for step in self.steps if not step.removed}


@cache
def rows(table: Path = TABLE) -> tuple[Row, ...]:
    """Return the rows of the table.

    Raises:
        HarnessError: a row is not one: an unknown key or place, or a missing reason.
    """
    found = []
    for entry in tomllib.loads(table.read_text(encoding="utf-8"))["command"]:
        try:
            fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
            row = Row(**fields)
        except TypeError as error:
            raise HarnessError(f"A row of {table.name} is invalid: {error}.", next_command=f"edit {table}") from error
        as_written = row.where in PLACES[:3] and row.instead == "{command}"
        if row.where not in PLACES or not (row.because or as_written) or (row.where == "nowhere" and not row.by):
            raise HarnessError(
                f'The row for "{row.command}" names no place, no reason or nothing that shows the same.', next_command=f"edit {table}"
            )
        found.append(row)
    return tuple(found)


def row_of(page: str, line: str, table: tuple[Row, ...]) -> Row:
    """Return how a command is proven. Of several rows the one with the longest command is right."""
    fitting = [row for row in table if fnmatchcase(line, row.command) and fnmatchcase(page, row.page)]
    return max(fitting, key=lambda row: len(row.command), default=Row(line))


def pages(source: Path) -> list[Page]:
    """Return every page of the documents that has commands.

    Args:
        source: root of the project, or of a copy.
    """
    files = [source / "README.md", source / "CONTRIBUTING.md", source / "chart" / "README.md", *sorted((source / "docs").rglob("*.md"))]
    found = (page(source, str(file.relative_to(source))) for file in files if file.parent.name not in RECORDS)
    return [one for one in found if one.steps]


def page(source: Path, name: str) -> Page:
    """Return one page; without steps if it has no commands.

    Raises:
        OSError: it does not exist.
    """
    return read(name, (source / name).read_text(encoding="utf-8"))


def inline(document: str) -> list[str]:
    """Return the commands in the text of a document: code that begins with a program of the project and has arguments."""
    found = (code.split() for code in markdown.inline_code(document))
    return [" ".join(words) for words in found if len(words) > 1 and _is_own(words)]


def shows(expected: str, output: str) -> bool:
    """Return whether an output has the lines of a block, one after the other. `…`, ids and seconds may differ."""
    printed = re.sub(r"\s+", " ", output)
    position = 0
    for line in filter(None, (line.strip() for line in expected.splitlines())):
        found = re.compile(_pattern(line)).search(printed, position)
        if not found:
            return False
        position = found.end()
    return True


def _pattern(line: str) -> str:
    parts, ends, last = [], {"…": ".*?", " ": r"\s+"}, 0
    for varying in _VARYING.finditer(line):
        parts.append(re.escape(line[last : varying.start()]))
        text = varying[0]
        parts.append(ends.get(text) or (r"\s+" if text.isspace() else r"[0-9a-f]{8}-" if text.endswith("-") else r"\d+"))
        last = varying.end()
    return "".join([*parts, re.escape(line[last:])])


def _is_own(words: list[str]) -> bool:
    program = next(dropwhile(ASSIGNMENT.match, words), "")
    return program in {"make", "votecheck"} or program.startswith(".venv/bin/")


def read(name: str, document: str) -> Page:
    """Return a page; without steps if it has no commands."""
    found, table = Page(name), rows()
    for block in markdown.blocks(document):
        if block.language == "sh":
            found.steps += [Step(name, line, row_of(name, line, table)) for line in _lines(block.content)]
        elif block.language == "text" and found.steps and block.follows_code:
            found.steps[-1] = _with_output(found.steps[-1], block.content)
        elif block.language == "diff":
            removed, added = (next(line[1:] for line in block.content.splitlines() if line.startswith(sign)) for sign in "-+")
            found.steps.append(Step(name, block.named, row_of(name, "", ()), removed=removed, added=added))
        elif block.named:
            found.files[block.named] = block.content
    return found


def _with_output(step: Step, output: str) -> Step:
    return Step(step.page, step.line, step.row, output)


def _lines(block: str) -> Iterator[str]:
    """Yield the command lines of a block, without comments. A line that ends in a backslash continues in the next one."""
    for line in block.replace("\\\n", " ").splitlines():
        if command := _without_comment(line).strip():
            yield command


def _without_comment(line: str) -> str:
    for start in _COMMENT.finditer(line):
        with suppress(ValueError):  # inside quotes: the part before it does not end them
            shlex.split(line[: start.start()])
            return line[: start.start()]
    return line
