"""The project's documents: their commands, the releases of the changelog, the plans of the roadmap, and the record of each phase."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile
from pathlib import Path

from validation.core.errors import ProbeError
from validation.probes.source import markdown

COMMAND_SECONDS = 30
MEASURED = re.compile(r"Measured on (\S+), (.+)")
"""The sentence of a record that says when and where its results were measured."""
ASSIGNMENT = re.compile(r"[A-Z_]+=")
"""A variable set for one command, as in `CI=1 make test`."""
ASK_FOR_HELP = """
import contextlib, io, json, sys
from validation.__main__ import start
answers = []
for arguments in json.load(sys.stdin):
    sys.argv = ["votecheck", *arguments, "--help"]
    code = 0
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        try:
            start()
        except SystemExit as ended:
            code = ended.code
    answers.append([code, said.getvalue().strip()])
json.dump(answers, sys.stdout)
"""
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


def commands(document: str) -> list[str]:
    """Return the command lines of the fenced `sh` blocks, without comments. A line that ends in a backslash continues in the next one."""
    lines = [line.strip() for block in markdown.code_blocks(document, "sh") for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def command_problems(source: Path, lines: list[str]) -> list[str]:
    """Return why each command line of a document could not run here; empty if it could.

    The commands do not run. Targets of `make` are looked up in the Makefile, and the project's own commands parse their arguments with
    `--help` appended.
    """
    problems, own = dict[int, str](), dict[int, list[str]]()
    for number, line in enumerate(lines):
        try:
            program, *arguments = dropwhile(ASSIGNMENT.match, shlex.split(line, comments=True))
        except ValueError as error:
            problems[number] = f"not a shell command: {error}"
            continue
        program = program.removeprefix(".venv/bin/")
        if program == "votecheck":
            own[number] = arguments
        else:
            problems[number] = _problem(source, program, arguments)
    problems |= dict(zip(own, _refusals(source, list(own.values())), strict=True))
    return [problems[number] for number in range(len(lines))]


def _problem(source: Path, program: str, arguments: list[str]) -> str:
    if program == "make":
        known = set(re.findall(r"^([a-z-]+):", text(source, "Makefile"), re.MULTILINE))
        unknown = [a for a in arguments if "=" not in a and a not in known]
        return f"the Makefile has no target {', '.join(unknown)}" if unknown else ""
    if program == "python" and arguments[:1] == ["-m"]:
        there = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({arguments[1]!r}) is None)"
        code, said = _python(source, there)
        return f"exit {code}: {said}" if code else ""
    return f"cannot check {program}: use make, votecheck or python -m"


def _refusals(source: Path, asked: list[list[str]]) -> list[str]:
    """Return why the source's own `votecheck` refuses each list of arguments; empty if it does not. It starts slowly, so only once."""
    if not asked:
        return []
    code, said = _python(source, ASK_FOR_HELP, json.dumps(asked))
    if code:
        return [f"exit {code}: {said}"] * len(asked)
    return [f"exit {code}: {said[-300:]}" if code else "" for code, said in json.loads(said)]


def _python(source: Path, program: str, given: str = "") -> tuple[int | str, str]:
    """Run a program in the source folder, and return its exit code and its output, or the reason of a failure."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-B", "-c", program], cwd=source, input=given, capture_output=True, text=True, timeout=COMMAND_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "none", f"no answer within {COMMAND_SECONDS} s"
    if done.returncode:
        return done.returncode, (done.stderr or done.stdout).strip()[-300:]
    return 0, done.stdout


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
