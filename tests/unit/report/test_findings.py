"""Each finding names its scenario, its row and its input; repeated ones are grouped; one command repeats just that scenario."""

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.unit.report.test_partial import terminal
from validation.report import html, markdown, results_json
from validation.report.findings import grouped
from validation.report.formats import ctrf, junit
from validation.report.model import load

ROWS = {"An unknown option": '{"option": "birds"}', "A number": '{"option": 1}', "Null": '{"option": null}', "A list": '{"option": []}'}
OUTLINE = "<what> is not a vote"


@pytest.fixture
def run(record: Any) -> Any:
    """A run in which four rows of one outline fail in the same way, and another scenario in two ways."""
    record.start(["5.1"], flags=["--source", "/home/me/a copy"])
    for what, body in ROWS.items():
        record.scenario(
            "5.1",
            ("status", "422", "400"),
            name=f"{what} is not a vote",
            template=OUTLINE,
            row={"what": what, "body": body},
            given=f"POST /api/vote\nContent-Type: application/json\n{body}",
        )
    record.scenario(
        "5.1", ("status", "201", "500"), ("entries", "1", "0"), name="A vote counts", template="A vote counts", given="POST /api/vote"
    )
    return load(record.end())


def test_repeated_findings_are_one_group_with_a_count(run: Any) -> None:
    assert [group.title for group in grouped(run.results[0])] == ["status, 4 times", "status", "entries"]


def test_findings_that_differ_only_in_ids_and_times_are_alike(record: Any) -> None:
    record.start(["5.1"])
    for number in (1, 2):
        identifier = f"0198cc00-0000-7000-8000-00000000000{number}"
        record.scenario("5.1", ("vote_id", identifier, f"176438000000{number}-0"), name=f"S{number}")
    assert len(grouped(load(record.end()).results[0])) == 1


def test_the_terminal_shows_scenario_row_input_and_one_command_for_a_group(run: Any) -> None:
    shown = terminal(run)
    assert "status, 4 times" in shown
    assert 'row       what: Null, body: {"option": null}' in shown
    assert 'input     POST /api/vote\n              Content-Type: application/json\n              {"option": null}' in shown
    assert "and 1 more in the report" in shown
    assert "reproduce votecheck run --checkpoint 5.1 --scenario '<what> is not a vote' --source '/home/me/a copy'" in shown
    assert "reproduce votecheck run --checkpoint 5.1 --scenario 'A vote counts' --source '/home/me/a copy'" in shown


@pytest.mark.parametrize("written", [html.render, markdown.render, junit.render, ctrf.render])
def test_every_report_shows_row_and_input(run: Any, written: Any) -> None:
    text = written(run)
    for word in ("An unknown option", "birds", "POST /api/vote"):
        assert word in text


def test_each_published_finding_has_its_own_input_and_command(run: Any) -> None:
    (checkpoint,) = json.loads(results_json.render(run))["checkpoints"]
    first = checkpoint["findings"][0]
    assert (first["scenario"], first["row"], first["alike"]) == (
        "An unknown option is not a vote",
        {"what": "An unknown option", "body": '{"option": "birds"}'},
        4,
    )
    assert first["input"].endswith('{"option": "birds"}')
    assert first["reproduce"] == "votecheck run --checkpoint 5.1 --scenario 'An unknown option is not a vote' --source '/home/me/a copy'"
    assert [one["alike"] for one in checkpoint["findings"]] == [4, 4, 4, 4, 1, 1]


def test_a_junit_failure_shows_its_input(run: Any) -> None:
    failures = ET.fromstring(junit.render(run).encode()).iter("failure")  # noqa: S314 - written by the line itself
    assert all("input:\nPOST /api/vote" in str(one.text) for one in failures)
