"""`junit.xml` of a load run: one case for each limit."""

from xml.etree import ElementTree as ET

import pytest
from msgspec import structs

from tests.unit.load.example import result
from tests.unit.report.formats.schemas import junit_breaches
from validation.load.report import junit
from validation.load.result import Check


def parsed(written: str) -> ET.Element:
    return ET.fromstring(written.encode())  # noqa: S314 - written by the test


def outcomes(root: ET.Element) -> dict[str, str]:
    return {str(case.get("name")): case[0].tag if len(case) else "passed" for case in root.iter("testcase")}


def test_it_matches_the_schema_of_jenkins() -> None:
    assert junit_breaches(junit.render(result())) == []
    assert junit_breaches(junit.render(structs.replace(result(), checks=[], timeline=[], latencies=[], reconciliation=None))) == []


def test_a_broken_limit_is_a_failure_and_an_unproven_one_is_skipped() -> None:
    root = parsed(junit.render(result()))
    assert outcomes(root) == {
        "vote, p50": "passed",
        "vote, p99": "failure",
        "vote, rate": "passed",
        "memory of redis": "skipped",
        "votes lost": "failure",
        "the load run passed": "skipped",
    }
    assert [suite.get("name") for suite in root] == ["Budgets", "Reconciliation", "Verdict"]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "2", "0")


def test_a_failure_says_limit_observation_and_distance_and_a_lost_vote_its_id() -> None:
    latency, lost = parsed(junit.render(result())).iter("failure")
    assert latency.get("message") == "FAILED: limit at most 50 ms, observed 75 ms, 50 % over"
    assert "lost 01985f1e\nlost 01985f1f" in str(lost.text)
    assert f"Repeat: {result().command}" in str(lost.text)


def test_the_properties_say_what_was_run() -> None:
    found = {str(one.get("name")): one.get("value") for one in parsed(junit.render(result())).iter("property")}
    assert (found["scenario"], found["target"], found["verdict"], found["rate_per_second"], found["planned_requests"]) == (
        "baseline", "local", "NO-GO", "1997", "20000",
    )  # fmt: skip


@pytest.mark.parametrize(("verdict", "outcome"), [("PASSED", "passed"), ("PARTIAL", "skipped"), ("INCOMPLETE", "skipped")])
def test_only_a_run_that_passed_has_nothing_but_passes(verdict: str, outcome: str) -> None:
    given = structs.replace(result(), verdict=verdict, checks=[Check("vote, p50", "at most 5 ms", "1 ms", held=True)])
    assert outcomes(parsed(junit.render(given)))["the load run passed"] == outcome
