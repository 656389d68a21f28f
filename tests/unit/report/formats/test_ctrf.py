"""`ctrf.json`: the cases of JUnit XML in CTRF. What is not PASSED is never passed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.formats.schemas import breaches
from validation.registry.checkpoints import registry
from validation.report.formats import ctrf
from validation.report.model import load

SCHEMA = "ctrf.schema.json"


@pytest.fixture
def report(failed: Path) -> Any:
    return json.loads(ctrf.render(load(failed)))


def statuses(report: Any) -> list[tuple[str, str, str]]:
    return [(one["suite"][1].split()[0], one["status"], one["rawStatus"]) for one in report["results"]["tests"]]


def test_it_matches_the_schema(failed: Path, clean: Path, new_record: Callable[[str], Any]) -> None:
    for folder in (failed, clean, new_record("cut").cut_off()):
        assert breaches(SCHEMA, ctrf.render(load(folder))) == []
    assert breaches(SCHEMA, ctrf.render(load(failed)).replace('"passed"', '"green"')) != []


def test_a_finding_failed_and_what_is_neither_is_other_with_its_own_word(report: Any) -> None:
    assert statuses(report) == [
        ("1.1", "other", "NOT PROVEN"),
        ("2.1", "passed", "PASSED"),
        ("2.3", "other", "NOT PROVEN"),
        ("5.1", "failed", "FAILED"),
        ("5.2", "other", "HARNESS ERROR"),
        ("5.3", "other", "NOT PROVEN"),
        ("5.4", "other", "WAIVED"),
        ("6.1", "passed", "PASSED"),
        ("votecheck", "other", "HARNESS ERROR"),
        ("votecheck", "other", "NO-GO"),
    ]


def test_the_summary_counts_the_tests_and_times_the_run(report: Any) -> None:
    summary, environment = report["results"]["summary"], report["results"]["environment"]
    assert {name: summary[name] for name in ("tests", "passed", "failed", "skipped", "pending", "other", "suites")} == {
        "tests": 10, "passed": 2, "failed": 1, "skipped": 0, "pending": 0, "other": 7, "suites": 6,
    }  # fmt: skip
    assert (summary["start"], summary["stop"] - summary["start"], summary["duration"]) == (1795426200000, 12000, 12000)
    assert (environment["healthy"], environment["testEnvironment"]) == (False, "local")
    assert report["results"]["extra"]["verdict"] == "NO-GO"


def test_a_failed_test_has_what_was_expected_and_the_command(report: Any) -> None:
    (test,) = [one for one in report["results"]["tests"] if one["status"] == "failed"]
    assert "expected: 201" in test["trace"]
    assert "votecheck run --checkpoint 5.1" in test["trace"]
    assert (test["filePath"], test["labels"]["checkpoint"]) == ("features/protocol/5.1.feature", "5.1")


def test_a_run_that_is_go_is_healthy_and_every_test_passed(clean: Path) -> None:
    report = json.loads(ctrf.render(load(clean)))
    assert {one["status"] for one in report["results"]["tests"]} == {"passed"}
    assert report["results"]["environment"]["healthy"] is True
    assert report["results"]["summary"]["tests"] == sum(len(one.needs) for one in registry().values()) + 1


def test_a_test_has_the_same_id_in_every_run_and_a_run_its_own(new_record: Callable[[str], Any]) -> None:
    reports = []
    for name in ("20261123-093000-aaaa", "20261123-093000-bbbb"):
        record = new_record(name)
        record.start(["5.1", "5.2"])
        record.passes("5.1", "5.2")
        reports.append(json.loads(ctrf.render(load(record.end()))))
    first, second = ([one["id"] for one in report["results"]["tests"]] for report in reports)
    assert first == second
    assert len(set(first)) == len(first)
    assert reports[0]["reportId"] != reports[1]["reportId"]


def test_a_partial_run_is_not_healthy_although_its_tests_passed(record: Any) -> None:
    record.start(["5.1"])
    record.passes("5.1")
    report = json.loads(ctrf.render(load(record.end())))
    assert statuses(report)[-1] == ("votecheck", "other", "PARTIAL")
    assert report["results"]["environment"]["healthy"] is False
