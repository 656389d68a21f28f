"""`junit.xml`: one suite per phase, one case per scenario. A checkpoint that is not PASSED never appears as a passed case."""

from xml.etree import ElementTree as ET

from validation.record.verdicts import CheckpointResult, Run, Scenario, Verdict
from validation.report.model import by_phase, reproduce
from validation.report.text import one_line, visible

_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def render(run: Run) -> str:
    """Return a run as JUnit XML: failure = finding, error = harness error, skipped = not proven or waived."""
    root = ET.Element("testsuites", name="votecheck")
    for phase in by_phase(run):
        suite = ET.SubElement(root, "testsuite", name=phase.title, timestamp=run.started.started)
        for result in phase.results:
            _add_checkpoint(suite, run, result)
    if run.harness_errors:
        suite = ET.SubElement(root, "testsuite", name="Harness errors", timestamp=run.started.started)
        for what in run.harness_errors:
            ET.SubElement(_add_case(suite, "votecheck", "harness error", 0.0), "error", message=one_line(what, 200)).text = visible(what)
    for counted in (*root, root):
        _count(counted)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_checkpoint(suite: ET.Element, run: Run, result: CheckpointResult) -> None:
    title = f"{result.checkpoint.id} {result.checkpoint.title}"
    shown = {_add_scenario(suite, run, result, scenario, title) for scenario in result.scenarios}
    # A verdict that no scenario shows is a case of its own, for example an expired waiver or a checkpoint without scenarios.
    if result.verdict is Verdict.PASSED or shown & ({"failure"} if result.verdict is Verdict.FAILED else set(_COUNTED.values())):
        return
    tag = "failure" if result.verdict is Verdict.FAILED else "skipped"
    ET.SubElement(_add_case(suite, title, "verdict", 0.0), tag, message=f"{result.verdict}: {one_line(result.reason, 500)}")


def _add_scenario(suite: ET.Element, run: Run, result: CheckpointResult, scenario: Scenario, title: str) -> str:
    """Add a case and return its tag: failure, error, skipped, or an empty string for a pass."""
    case = _add_case(suite, title, scenario.name, scenario.seconds)
    if scenario.outcome == "passed":
        return ""
    if result.verdict is Verdict.WAIVED:
        tag, message = "skipped", f"WAIVED: {result.reason}"
    else:
        tag = {"failed": "failure", "error": "error"}.get(scenario.outcome, "skipped")
        message = {"failure": "", "error": "HARNESS ERROR: ", "skipped": "NOT PROVEN: "}[tag] + scenario.reason
    found = ET.SubElement(case, tag, message=one_line(message, 500))
    found.text = "\n\n".join(
        [
            *(
                visible(f"{o.step}\n{o.subject}\nexpected: {o.expected}\nobserved: {o.observed}\n{o.evidence}\n{o.remedy}".strip(), 8000)
                for o in scenario.wrong
            ),
            reproduce(run, result),
        ]
    )
    return tag


def _add_case(suite: ET.Element, title: str, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=one_line(title), name=one_line(name, 300), time=f"{seconds:.3f}")


def _count(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for attribute, tag in _COUNTED.items():
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
