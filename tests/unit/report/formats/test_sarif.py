"""`results.sarif`: the findings that name a file of the source, each at its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.conftest import waiver
from tests.unit.report.formats.schemas import breaches
from validation.record.events import Finished, Observed, Started
from validation.report.formats import sarif
from validation.report.model import load

SCHEMA = "sarif.schema.json"


def add(record: Any, checkpoint: str, *files: str, subject: str = "port") -> None:
    """Add a scenario that failed, with one finding for each file."""
    record.emit(Started(checkpoint, "It holds", [checkpoint], "protocol/x.feature"))
    for number, file in enumerate(files):
        record.emit(Observed(checkpoint, "Then it is", f"{subject} {number}", "1", "2", ok=False, remedy="look there", file=file))
    record.emit(Finished(checkpoint, "failed", "it is wrong", 0.1, "files"))


@pytest.fixture
def folder(new_record: Callable[[str], Any]) -> Path:
    record = new_record("20261123-100000-cccc")
    record.start(["1.3", "5.1", "8.1"], waivers=[waiver("8.1", "port 0")])
    add(record, "1.3", "chart/values.yaml:12", "docs/a page.md", "")
    add(record, "5.1", "")
    add(record, "8.1", "README.md")
    record.harness_error("Not cleaned up: a process")
    made: Path = record.end()
    return made


def run_of(folder: Path) -> Any:
    (found,) = json.loads(sarif.render(load(folder)))["runs"]
    return found


def places(results: Any) -> list[tuple[str, str, int | None]]:
    shown = [(one["ruleId"], one["locations"][0]["physicalLocation"]) for one in results]
    return [(rule, place["artifactLocation"]["uri"], place.get("region", {}).get("startLine")) for rule, place in shown]


def test_it_matches_the_schema(folder: Path, clean: Path, failed: Path) -> None:
    for one in (folder, clean, failed):
        assert breaches(SCHEMA, sarif.render(load(one))) == []
    assert breaches(SCHEMA, sarif.render(load(folder)).replace('"startLine": 12', '"startLine": 0')) != []


def test_each_finding_is_at_its_file_and_line(folder: Path) -> None:
    assert places(run_of(folder)["results"]) == [
        ("1.3", "chart/values.yaml", 12),
        ("1.3", "docs/a%20page.md", None),
        ("8.1", "README.md", None),
    ]


def test_findings_without_a_file_are_counted_not_placed_somewhere(folder: Path) -> None:
    (invocation,) = run_of(folder)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]] == [
        ("note", "2 findings without a file of the source: see results.json."),
        ("error", "Not cleaned up: a process"),
    ]


def test_a_waived_finding_is_suppressed_with_its_reason(folder: Path) -> None:
    suppressed = {one["ruleId"]: [s["justification"] for s in one["suppressions"]] for one in run_of(folder)["results"]}
    assert suppressed["1.3"] == []
    assert "known (release board, until 2030-01-01)" in suppressed["8.1"][0]


def test_a_rule_is_a_checkpoint(folder: Path) -> None:
    found = run_of(folder)
    rules = found["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == ["1.3", "8.1"]
    assert [rules[one["ruleIndex"]]["id"] for one in found["results"]] == [one["ruleId"] for one in found["results"]]


def test_the_fingerprint_of_a_finding_does_not_depend_on_what_was_observed(folder: Path) -> None:
    first, second, third = (one["partialFingerprints"]["finding/v1"] for one in run_of(folder)["results"])
    assert len({first, second, third}) == 3
    assert run_of(folder)["results"][0]["partialFingerprints"]["finding/v1"] == first


def test_more_findings_than_a_reader_shows_are_counted(record: Any) -> None:
    record.start(["1.3"])
    add(record, "1.3", *["README.md"] * (sarif.RESULTS_MAX + 7))
    found = run_of(record.end())
    assert len(found["results"]) == sarif.RESULTS_MAX
    assert "7 more findings" in found["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_a_run_without_findings_has_no_results(clean: Path) -> None:
    assert run_of(clean)["results"] == []
