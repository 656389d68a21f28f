"""What changed since the last release, in every report, from the record alone."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from msgspec import structs
from rich.console import Console

from tests.unit.record.subjects import SUBJECT
from tests.unit.report.conftest import HOSTILE, waiver
from tests.unit.report.page import Page
from validation.record.last_release import LastRelease
from validation.record.subject import Subject
from validation.record.verdicts import Run
from validation.report import html, markdown, results_json
from validation.report.formats import junit
from validation.report.model import load
from validation.report.since import facts, parts
from validation.report.terminal import summary

LAST = LastRelease(
    run="20261101-093000-eeee",
    target="cluster",
    started="2026-11-01T09:30:00+00:00",
    verdict="GO",
    subject=structs.replace(
        SUBJECT, commit="2e" * 20, chart_version="0.3.1", digests=SUBJECT.digests | {"system": "sha256:" + "99" * 32}, images={}
    ),
    verdicts={"5.1": "PASSED", "5.2": "PASSED", "6.1": "PASSED", "9.9": "PASSED"},
    waivers=[waiver("5.4", expires="2026-12-31", version="0.3.1"), waiver("5.4", "other", expires="2027-01-31", version="0.3.1")],
    commits=12,
    commits_gone=1,
)
EXPECTED = {
    "release": "run 20261101-093000-eeee of 2026-11-01, GO, target cluster",
    "commit": "2e2e2e2e2e2e → 1f1f1f1f1f1f (12 commits; 1 commit of the last release gone)",
    "chart": "0.3.1 → 0.3.2",
    "parts": "changed: system; the same: chart; unknown: features, validation, images",
    "verdicts": "PASSED → FAILED: 5.1; new, or not in scope then: 5.3; no longer a checkpoint: 9.9; not in scope here: 6.1",
    "waivers": "added: 5.4 answer (release board, until 2027-01-31); gone: 5.4 answer (release board, until 2026-12-31), "
    "5.4 other (release board, until 2027-01-31)",
}  # fmt: skip


def made(record: Any, last: LastRelease | None) -> Path:
    record.start(["5.1", "5.2", "5.3"], waivers=[waiver("5.4", expires="2027-01-31")])
    if last:
        record.emit(last)
    record.scenario("5.1", ("status", "422", "201"))
    record.passes("5.2", "5.3")
    return Path(record.end())


def rendered(folder: Path) -> dict[str, str]:
    """Return the run as each reader sees it first."""
    run, console = load(folder), Console(file=io.StringIO(), width=100)
    summary(run, console, folder)
    return {
        "terminal": console.file.getvalue().partition("FAILED      5.1")[0],  # type: ignore[attr-defined]
        "page": Page(html.render(run)).text.partition("Blockers")[0],
        "markdown": markdown.render(run).partition("| Phase")[0],
    }


def test_it_says_what_changed(record: Any) -> None:
    assert facts(load(made(record, LAST))) == EXPECTED


def test_the_first_screen_of_every_report_says_it(record: Any) -> None:
    seen = rendered(made(record, LAST))
    for name, value in EXPECTED.items():
        assert f"{name}: {value}" in seen["terminal"]
        assert f"{name} {value}" in seen["page"]
        assert f"- {name}: {markdown.safe(value)}" in seen["markdown"]


def test_without_a_last_release_it_says_how_to_name_one(record: Any) -> None:
    folder = made(record, None)
    for seen in rendered(folder).values():
        assert "No earlier release was named. Try: votecheck run --since PACK" in seen
    assert results_json.document(load(folder))["since"] is None
    assert properties(load(folder)) == {"since.release": "No earlier release was named. Try: votecheck run --since PACK"}


def properties(run: Run) -> dict[str, str]:
    found = {one.get("name", ""): one.get("value", "") for one in ET.fromstring(junit.render(run)).iter("property")}  # noqa: S314 - ours
    return {name: value for name, value in found.items() if name.startswith("since.")}


def test_machines_read_it_too(record: Any) -> None:
    run = load(made(record, LAST))
    since = json.loads(results_json.render(run))["since"]
    assert (since["commit"], since["commits"], since["commits_gone"], since["recomputed"]) == ("2e" * 20, 12, 1, True)
    assert (since["changed"], since["unknown"]) == (["system"], ["features", "validation", "images"])
    assert since["verdicts"] == [
        {"id": "5.1", "before": "PASSED", "after": "FAILED"},
        {"id": "5.3", "before": "", "after": "PASSED"},
        {"id": "6.1", "before": "PASSED", "after": ""},
        {"id": "9.9", "before": "PASSED", "after": ""},
    ]
    assert since["waivers_added"] == ["5.4 answer (release board, until 2027-01-31)"]
    assert properties(run) == {f"since.{name}": value for name, value in EXPECTED.items()}


def test_a_run_that_changed_nothing_says_so(record: Any) -> None:
    run = load(made(record, None))
    verdicts = {result.checkpoint.id: str(result.verdict) for result in run.results}
    same = LastRelease("r", "local", "", "NO-GO", run.subject, verdicts, run.started.waivers, commits=0)
    seen = facts(replace(run, last_release=same))
    assert seen["commit"] == "1f1f1f1f1f1f (the same)"
    assert seen["parts"] == "the same: system, chart, images; unknown: features, validation"
    assert (seen["chart"], seen["verdicts"], seen["waivers"]) == ("0.3.2 (the same)", "none changed", "none added, none gone")


def test_what_is_not_known_is_not_called_the_same() -> None:
    assert parts(Subject(), Subject()) == {"unknown": ["system", "chart", "features", "validation", "images"]}


def test_a_verdict_that_was_not_computed_again_is_named(record: Any) -> None:
    said = facts(load(made(record, structs.replace(LAST, recomputed=False))))["release"]
    assert said.endswith("another state of votecheck decided its verdict")


def test_no_text_of_the_last_release_acts(record: Any) -> None:
    hostile = LastRelease(HOSTILE, HOSTILE, HOSTILE, HOSTILE, Subject(commit=HOSTILE), {HOSTILE: HOSTILE}, [{"id": HOSTILE}])
    folder = made(record, hostile)
    seen = rendered(folder)
    assert "\x1b" not in seen["terminal"]
    assert "<" not in seen["markdown"]
    assert not {tag for tag, _ in Page(html.render(load(folder))).tags} & {"script"}
    assert results_json.breaches(results_json.document(load(folder))) == []
    ET.fromstring(junit.render(load(folder)))  # noqa: S314 - ours


@pytest.mark.parametrize("last", [LAST, None])
def test_the_reports_follow_from_the_record(record: Any, last: LastRelease | None) -> None:
    folder = made(record, last)
    assert results_json.render(load(folder)) == results_json.render(load(folder))
    assert load(folder).last_release == last
