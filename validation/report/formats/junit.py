"""JUnit XML as the schema of the Jenkins xUnit plugin describes it (junit-10), which GitLab, GitHub actions and most tools read."""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from validation.record.verdicts import Run
from validation.report.formats.cases import Case, Outcome, Suite, of_run

_COUNTED = {"failures": Outcome.FAILURE, "errors": Outcome.ERROR, "skipped": Outcome.SKIPPED}
"""What is counted of a suite. The schema has no number of skipped cases of the whole."""


def render(run: Run) -> str:
    """Return a run as JUnit XML: failure = finding, error = harness error, skipped = not proven or waived."""
    return xml(f"votecheck: {run.verdict}", run.started.started, of_run(run))


def xml(name: str, started: str, suites: Sequence[Suite]) -> str:
    """Return suites of cases as JUnit XML.

    Args:
        name: names the whole, and says its verdict.
        started: when it started, ISO 8601.
        suites: the cases; their texts are visible characters, so that XML can hold them.
    """
    root = ET.Element("testsuites", name=name)
    for suite in suites:
        written = ET.SubElement(root, "testsuite", name=suite.name, timestamp=started)
        if suite.properties:
            properties = ET.SubElement(written, "properties")
            for key, value in suite.properties.items():
                ET.SubElement(properties, "property", name=key, value=value)
        for case in suite.cases:
            _add(written, case)
        _count(written, suite.cases, _COUNTED)
    _count(root, [case for suite in suites for case in suite.cases], ("failures", "errors"))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add(suite: ET.Element, case: Case) -> None:
    written = ET.SubElement(suite, "testcase", classname=case.group, name=case.name, time=f"{case.seconds:.3f}")
    if case.outcome is not Outcome.PASSED:
        ET.SubElement(written, str(case.outcome), type=case.word, message=case.message).text = case.detail or None


def _count(element: ET.Element, cases: Sequence[Case], attributes: Iterable[str]) -> None:
    element.set("tests", str(len(cases)))
    for attribute in attributes:
        element.set(attribute, str(sum(case.outcome is _COUNTED[attribute] for case in cases)))
    element.set("time", f"{sum(case.seconds for case in cases):.3f}")
