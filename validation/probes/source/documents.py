"""What the project's documents say: commands, releases, plans, and the record of each phase."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile
from pathlib import Path

from markdown_it import MarkdownIt

from validation.core.errors import ProbeError

COMMAND_SECONDS = 30
ASSIGNMENT = re.compile(r"[A-Z_]+=")
"""A variable that is set for one command, as in `CI=1 make test`."""
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
        version: `0.3.2`.
        day: when it was released; None where the heading has no date or an impossible one.
        changes: heading → items.
    """

    version: str
    day: date | None
    changes: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """What the record of a phase says of one checkpoint."""

    checkpoint: str
    verdict: str
    result: str


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one phase.

    Attributes:
        decided: the links to decisions, relative to the record.
        broken: those of them that lead nowhere.
        rows: what was validated.
        day, machine: when and on what kind of machine the results were seen; None or empty where it does not say.
    """

    decided: tuple[str, ...]
    broken: tuple[str, ...]
    rows: tuple[Row, ...]
    day: date | None
    machine: str


def text(source: Path, name: str) -> str:
    """Read a document.

    Raises:
        ProbeError: it cannot be read; whether it is there is for the caller to observe first.
    """
    try:
        return (source / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProbeError(f"{name} cannot be read: {error}") from error


def commands(document: str) -> list[str]:
    """List the command lines of the fenced `sh` blocks, without comments; a line that ends in a backslash goes on in the next one."""
    fences = [token.content for token in MarkdownIt().parse(document) if token.type == "fence" and token.info.strip() == "sh"]
    lines = [line.strip() for fence in fences for line in fence.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def command_problems(source: Path, lines: list[str]) -> list[str]:
    """Tell of each command line of a document why it could not run here; empty when nothing speaks against it.

    A command is not carried out: of `make` the target is looked up, of the project's own commands the arguments are parsed by the
    command itself, which is asked for its help.
    """
    problems, own = dict[int, str](), dict[int, list[str]]()
    for number, line in enumerate(lines):
        try:
            program, *arguments = dropwhile(ASSIGNMENT.match, shlex.split(line, comments=True))
        except ValueError as error:
            problems[number] = f"it is no shell command: {error}"
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
    return f"nobody knows how to try {program}: use make, votecheck or python -m"


def _refusals(source: Path, asked: list[list[str]]) -> list[str]:
    """Let the source's own `votecheck` say of each list of arguments why it does not take them; one process, as it starts slowly."""
    if not asked:
        return []
    code, said = _python(source, ASK_FOR_HELP, json.dumps(asked))
    if code:
        return [f"exit {code}: {said}"] * len(asked)
    return [f"exit {code}: {said[-300:]}" if code else "" for code, said in json.loads(said)]


def _python(source: Path, program: str, given: str = "") -> tuple[int | str, str]:
    """Run a program where the source is. Gives its exit code, and what it wrote: its output, or why it ended badly."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-B", "-c", program], cwd=source, input=given, capture_output=True, text=True, timeout=COMMAND_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "none", f"it did not answer within {COMMAND_SECONDS} s"
    if done.returncode:
        return done.returncode, (done.stderr or done.stdout).strip()[-300:]
    return 0, done.stdout


def releases(changelog: str) -> list[Release]:
    """List the releases of a changelog in Keep-a-Changelog form, as they stand; `Unreleased` is one too."""
    found = []
    for section in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        match = re.fullmatch(r"\[([^\]]+)\](?: - (\S+))?\s*", heading)
        version, day = match.groups() if match else (heading.strip(), None)
        parts = re.split(r"^### ", body, flags=re.MULTILINE)[1:]
        changes = {part.partition("\n")[0].strip(): tuple(items(part)) for part in parts}
        found.append(Release(version, _day(day or ""), changes))
    return found


def items(document: str) -> list[str]:
    """List the titles of the points of a document: `- **Title**: the rest`, or the whole line."""
    points = re.findall(r"^- (?:\*\*(.+?)\*\*|(.+))", document, re.MULTILINE)
    return [(title or line).strip(" .:") for title, line in points]


def record(source: Path, phase: int) -> Record | None:
    """Read the record of a phase; None where there is none."""
    file = source / "docs" / "results" / "phases" / f"phase-{phase}.md"
    if not file.is_file():
        return None
    written = text(source, str(file.relative_to(source)))
    links = tuple(re.findall(r"\]\((\.\./\.\./adr/[^)#\s]+)\)", written))
    rows = re.findall(r"^\| (\d\.\d) \| ([^|]+?) \| ([^|]+?) \|", written, re.MULTILINE)
    seen = re.search(r"^Measured on (\S+), (.+)$", written, re.MULTILINE)
    return Record(
        decided=links,
        broken=tuple(link for link in links if not (file.parent / link).is_file()),
        rows=tuple(Row(*row) for row in rows),
        day=_day(seen[1]) if seen else None,
        machine=seen[2].strip(" .") if seen else "",
    )


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
