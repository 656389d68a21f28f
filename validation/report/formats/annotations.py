"""Annotations of GitHub: lines that a workflow shows beside the code, as workflow commands print them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from validation.record.results import CheckpointResult, Verdict
from validation.record.verdicts import Run
from validation.report.findings import grouped
from validation.report.model import reproduce, unproven, with_verdict
from validation.report.text import one_line, visible

SHOWN_MAX = 10
"""GitHub shows ten errors and ten warnings of a step, and discards the rest without a word."""
MESSAGE_MAX = 1000
TITLE_MAX = 150
PATH_MAX = 1000
_ESCAPED = {"%": "%25", "\r": "%0D", "\n": "%0A", "\t": " "}
_ESCAPED_IN_PROPERTY = _ESCAPED | {":": "%3A", ",": "%2C"}


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation.

    Attributes:
        level: `error` or `warning`.
        file: path relative to the repository, with `:line` if that is known; empty: none.
    """

    level: str
    title: str
    message: str
    file: str = ""


def of_run(run: Run, prefix: str | None = "") -> Iterator[Annotation]:
    """Yield the findings and harness errors of a run as errors, and what is not proven as warnings.

    Args:
        run: the run.
        prefix: path of the source in the repository, empty or with a slash at its end; None: the source is not in it.
    """
    yield from chain.from_iterable(_failed(run, result, prefix) for result in with_verdict(run, Verdict.FAILED))
    yield from (Annotation("error", "votecheck failed", what) for what in run.harness_errors)
    for group in unproven(run):
        ids = ", ".join(result.checkpoint.id for result in group.results)
        yield Annotation("warning", f"Not proven: {ids}", f"{group.reason}\nTry: {group.command}")


def _failed(run: Run, result: CheckpointResult, prefix: str | None) -> Iterator[Annotation]:
    title = f"{result.checkpoint.id} {result.checkpoint.title}"
    groups = grouped(result)
    for group in groups:
        found = group.first
        lines = [f"{group.title}: expected {found.expected}, observed {found.observed}", found.remedy]
        message = "\n".join([*(one_line(line, MESSAGE_MAX // 3) for line in lines if line), reproduce(run, result, *group.scenarios)])
        yield Annotation("error", title, message, "" if prefix is None or not found.file else f"{prefix}{found.file}")
    if not groups:
        yield Annotation("error", title, f"{result.reason}\n{reproduce(run, result)}")


def commands(annotations: Iterable[Annotation]) -> list[str]:
    """Return annotations as workflow commands, at most `SHOWN_MAX` of each level; the last one then counts those that are left out."""
    levels: dict[str, list[Annotation]] = {}
    for one in annotations:
        levels.setdefault(one.level, []).append(one)
    return [command(one) for level in levels.values() for one in _bounded(level)]


def _bounded(annotations: list[Annotation]) -> list[Annotation]:
    rest = len(annotations) - SHOWN_MAX
    if rest <= 0:
        return annotations
    last = Annotation(annotations[0].level, f"{rest + 1} more", "See index.html and summary.md of this run.")
    return [*annotations[: SHOWN_MAX - 1], last]


def command(one: Annotation) -> str:
    """Return one annotation as a workflow command: one line, in which no text can end a value or begin another command."""
    path, _, line = one.file.partition(":")
    properties = {
        "file": one_line(path, PATH_MAX),
        "line": line if path and line.isdecimal() and line.isascii() else "",
        "title": one_line(one.title, TITLE_MAX),
    }
    written = ",".join(f"{name}={_escaped(value, _ESCAPED_IN_PROPERTY)}" for name, value in properties.items() if value)
    return f"::{one.level} {written}::{_escaped(visible(one.message, MESSAGE_MAX), _ESCAPED)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
