"""Whatever a system answers, every format stays valid, whole and small."""

import json
import re
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.unit.load import example as load_example
from tests.unit.report.formats.schemas import breaches, junit_breaches
from tests.unit.report.formats.test_annotations import read
from tests.unit.report.test_partial import terminal
from validation.load.report import annotations as load_annotations
from validation.load.report import junit as load_junit
from validation.load.report import text as load_text
from validation.load.result import Check
from validation.record.events import Event, Finished, HarnessFailed, Observed, RunFinished, RunStarted, Started
from validation.record.subject import Subject
from validation.record.verdicts import Run, evaluate
from validation.registry.checkpoints import registry
from validation.report import html, markdown, results_json
from validation.report.formats import annotations, ctrf, junit, sarif

NASTY = (
    "]]>", "<![CDATA[", "&amp;&#0;", "%0A%25", "\r\n", "\n::error::x", "::stop-commands::t", "##[error]", "\x00\x1b[2J\x07\x9b",
    "\u202e\u2028\u2029\ufffe\uffff", "\U000e0001\U0001f600", "| a | b |", "```\n", "<script>", "@board #1 https://x.org", "{{ 7*7 }}",
    "[red]",     '"\'\\', "%SRCROOT%", "../../etc/passwd", "", " ", "é" * 3000,
)  # fmt: skip
HUGE = "\x00<é]]>%\n|`" * 500_000
texts = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=30)), max_size=6).map("".join)
MARKS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ufffe\uffff]")
"""Characters that act or hide. None of them is in any report."""


def events(one: str, other: str) -> list[Event]:
    """Return a record with two texts wherever a text of the system or of the caller can be."""
    known = {"cores": one, one or "x": other}
    subject = Subject(commit=one, changed=[other], changed_count=1, images={other: one}, servers={one: other})
    waiver = {"id": "5.4", "finding": one, "version": other, "reason": one, "owner": other, "expires": "2027-01-31"}
    flags = ["--api-url", one, "--source", other]
    found: list[Event] = [
        RunStarted(one or "r", "local", "2026-11-23T09:30:00+00:00", ["1.3", "5.1", "5.2", "5.3", "5.4"], flags, known, {"votecheck": one},
                   [waiver], scenarios=[one], selection=["--scenario", other], subject=subject),
    ]  # fmt: skip
    for checkpoint, outcome in (("1.3", "failed"), ("5.1", "failed"), ("5.2", "error"), ("5.3", "not_proven"), ("5.4", "failed")):
        found.append(Started(checkpoint, one, [checkpoint], other, {one: other}, other))
        if outcome == "failed":
            found += [
                Observed(checkpoint, one, other, one, other, False, one, other, one, "", file) for file in (f"docs/{one}.md:{other}", "")
            ]
        found.append(Finished(checkpoint, outcome, other, 0.1, registry()[checkpoint].needs[0]))
    return [*found, HarnessFailed(one), HarnessFailed(other), RunFinished(1.0)]


def validated(one: str, other: str) -> Run:
    return evaluate(events(one, other), registry(), date(2026, 11, 23))


def lines_without_acting_characters(written: str) -> None:
    assert MARKS.search(written) is None


def is_results_json(written: str) -> None:
    assert results_json.breaches(json.loads(written)) == []


def is_junit(written: str) -> None:
    lines_without_acting_characters(written)
    ET.fromstring(written.encode())  # noqa: S314 - written by the test
    assert junit_breaches(written) == []


def is_markdown(written: str) -> None:
    lines_without_acting_characters(written)
    assert len(written.encode()) < markdown.BYTES_MAX
    assert written.startswith("# NO-GO\n")
    outside = re.sub(r"(?s)```sh\n.*?\n```|`[^`\n]*`", "", written)
    assert not re.findall(r"[<@]|https?:|```|\[x\]|\n#(?!#+ )", outside.removeprefix("# NO-GO"))


def is_html(written: str) -> None:
    lines_without_acting_characters(written)
    assert "<script" not in written
    assert "<![CDATA[" not in written


def are_commands(written: str) -> None:
    assert all(line.isprintable() and read(line) for line in written.splitlines())
    assert len(written.splitlines()) <= 2 * annotations.SHOWN_MAX


FORMATS: dict[str, tuple[Any, Any]] = {
    "index.html": (html.render, is_html),
    "junit.xml": (junit.render, is_junit),
    "ctrf.json": (ctrf.render, lambda written: _is(breaches("ctrf.schema.json", written))),
    "results.sarif": (sarif.render, lambda written: _is(breaches("sarif.schema.json", written))),
    "results.json": (results_json.render, is_results_json),
    "summary.md": (markdown.render, is_markdown),
    "annotations": (lambda run: "\n".join(annotations.commands(annotations.of_run(run))), are_commands),
    "terminal": (terminal, lines_without_acting_characters),
}


def _is(problems: list[str]) -> None:
    assert problems == []


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=10, deadline=None)
@given(texts, texts)
@example("".join(NASTY), "")
@example("", "".join(reversed(NASTY)))
def test_no_text_breaks_a_format(name: str, one: str, other: str) -> None:
    render, check = FORMATS[name]
    check(render(validated(one, other)))


@pytest.mark.parametrize("name", FORMATS)
def test_five_megabytes_are_shortened_in_every_format(name: str) -> None:
    render, check = FORMATS[name]
    written = render(validated(HUGE, "short"))
    check(written)
    assert len(written.encode()) < 1_000_000


LOAD_FORMATS: dict[str, tuple[Any, Any]] = {
    "junit.xml": (load_junit.render, is_junit),
    "load.md": (load_text.markdown, is_markdown),
    "annotations": (lambda result: "\n".join(annotations.commands(load_annotations.of_load(result))), are_commands),
}


@pytest.mark.parametrize("name", LOAD_FORMATS)
@settings(max_examples=10, deadline=None)
@given(texts, texts)
@example("".join(NASTY), "")
@example(HUGE, HUGE)
def test_no_text_breaks_a_format_of_a_load_run(name: str, one: str, other: str) -> None:
    checks = [Check(one, other, one, held, other, kind) for held in (False, None) for kind in ("budget", "reconciliation")]  # type: ignore[arg-type]
    base = load_example.result()
    reconciled = structs.replace(load_example.RECONCILED, listed=[one, other])
    texts_of = {"scenario": one, "title": other, "run": one, "command": other, "reductions": [one, other], "machine": {one: other}}
    render, check = LOAD_FORMATS[name]
    check(render(structs.replace(base, checks=checks, reconciliation=reconciled, **texts_of)))
