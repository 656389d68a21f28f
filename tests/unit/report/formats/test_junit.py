from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.unit.report.conftest import waiver
from tests.unit.report.formats.schemas import junit_breaches
from validation.registry.checkpoints import registry
from validation.report.formats import junit
from validation.report.model import load


def parsed(folder: Path) -> ET.Element:
    return ET.fromstring(junit.render(load(folder)).encode())  # noqa: S314 - written by the line itself


def cases(root: ET.Element, tag: str) -> list[str]:
    return [str(case.get("classname")) for case in root.iter("testcase") if case.find(tag) is not None]


def skipped(root: ET.Element) -> int:
    return sum(int(suite.get("skipped", "")) for suite in root)


def titled(checkpoint: str) -> str:
    return f"{checkpoint} {registry()[checkpoint].title}"


@pytest.fixture
def root(failed: Path) -> ET.Element:
    return parsed(failed)


def test_a_finding_is_a_failure_a_harness_error_an_error_and_the_rest_skipped(root: ET.Element) -> None:
    assert cases(root, "failure") == [titled("5.1")]
    assert cases(root, "error") == [titled("5.2"), "votecheck"]
    assert cases(root, "skipped") == [
        *map(titled, ("1.1", "2.3", "5.3", "5.4")),
        "votecheck",
    ]


def test_each_skipped_case_says_why(root: ET.Element) -> None:
    messages = [str(found.get("message")) for found in root.iter("skipped")]
    assert [m.split(":")[0] for m in messages] == ["NOT PROVEN", "NOT PROVEN", "NOT PROVEN", "WAIVED", "NO-GO"]
    assert "container image" in messages[0]
    assert "Flaky" in messages[2]
    assert "release board" in messages[3]


def test_a_failure_has_the_expected_value_and_the_command(root: ET.Element) -> None:
    (failure,) = root.iter("failure")
    assert failure.text
    assert "expected: 201" in failure.text
    assert "votecheck run --checkpoint 5.1" in failure.text


def test_counts_are_those_of_the_cases(root: ET.Element) -> None:
    for element in (root, *root):
        held = list(element.iter("testcase"))
        assert element.get("tests") == str(len(held))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if element is not root or tag != "skipped":
                assert element.get(attribute) == str(sum(case.find(tag) is not None for case in held))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), skipped(root)) == ("10", "1", "2", 5)


def test_hostile_text_is_spelled_out(root: ET.Element) -> None:
    (failure,) = root.iter("failure")
    assert "<script>alert(1)</script> [red]red[/red] \\x1b[2J\\x00" in str(failure.text)
    assert len(ET.tostring(root)) < 100_000


def test_suites_are_the_phases(root: ET.Element) -> None:
    assert [s.get("name") for s in root] == [
        "1  Pre-flight",
        "2  API",
        "5  Votes over HTTP",
        "6  Stream to database",
        "Harness errors",
        "Verdict",
    ]


@pytest.mark.parametrize(("expires", "observed"), [("2020-01-01", "201"), ("2020-01-01", "500"), ("2030-01-01", "201")])
def test_an_expired_or_unneeded_waiver_is_a_failure(record: Any, expires: str, observed: str) -> None:
    record.start(["5.1"], waivers=[waiver("5.1", expires=expires)])
    record.scenario("5.1", ("answer", "201", observed))
    assert cases(parsed(record.end()), "failure") == [titled("5.1")]


def test_an_expired_waiver_is_a_failure_although_its_scenario_observed_nothing(record: Any) -> None:
    record.start(["5.1"], waivers=[waiver("5.1", "not proven: It holds", "2020-01-01")])
    record.scenario("5.1", outcome="not_proven", reason="Skipped: no proxy")
    root = parsed(record.end())
    assert (cases(root, "failure"), cases(root, "skipped")) == ([titled("5.1")], [titled("5.1"), "votecheck"])


def test_a_run_that_is_go_has_only_passes(clean: Path) -> None:
    root, cases = parsed(clean), sum(len(one.needs) for one in registry().values()) + 1
    assert (root.get("tests"), root.get("failures"), root.get("errors"), skipped(root)) == (str(cases), "0", "0", 0)


def test_a_partial_run_has_a_case_that_does_not_pass(record: Any) -> None:
    record.start(["5.1"])
    record.passes("5.1")
    root = parsed(record.end())
    assert cases(root, "skipped") == ["votecheck"]
    found = {str(one.get("name")): one.get("value") for one in root.iter("property")}
    assert (root.get("name"), found["verdict"], found["exit_code"]) == ("votecheck: PARTIAL", "PARTIAL", "4")


def test_it_matches_the_schema_of_jenkins(failed: Path, clean: Path) -> None:
    for folder in (failed, clean):
        assert junit_breaches(junit.render(load(folder))) == []
    broken = junit.render(load(failed)).replace(' tests="', ' counted="', 1)
    assert junit_breaches(broken) != []


def test_a_parser_that_is_not_ours_reads_the_same(failed: Path) -> None:
    junitparser = pytest.importorskip("junitparser", reason="of the development tools; see make setup")
    read = junitparser.JUnitXml.fromstring(junit.render(load(failed)).encode())
    assert (read.tests, read.failures, read.errors) == (10, 1, 2)
    results = {
        case.classname: [type(one).__name__ for one in case.result] for suite in read for case in suite if case.classname != "votecheck"
    }
    assert (results[titled("5.1")], results[titled("5.2")], results[titled("5.4")]) == (["Failure"], ["Error"], ["Skipped"])
    found = {one.name: one.value for suite in read if suite.name == "Verdict" for one in suite.properties()}
    assert (found["verdict"], found["exit_code"]) == ("NO-GO", "1")
