"""SARIF 2.1.0: the findings that name a file of the source, for code scanning and editors.

SARIF allows a result without a location, but code scanning shows none: findings that name no file are counted and left out.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from validation.record.results import CheckpointResult, Verdict
from validation.record.verdicts import Run
from validation.report.findings import Finding
from validation.report.model import reproduce
from validation.report.text import counted, one_line, visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
"""Stands for the folder of the source."""
RESULTS_MAX = 1000
"""Code scanning shows 5000 results; a fault that is found more often than this is not understood better by one more."""
TEXT_MAX = 1000
PATH_MAX = 1000
LINE = re.compile(r"[1-9][0-9]{0,8}")
NOTES_MAX = 20


def render(run: Run) -> str:
    """Return the findings of a run that name a file, as SARIF."""
    return json.dumps(document(run), indent=2) + "\n"


def document(run: Run) -> dict[str, Any]:
    """Return the content of `results.sarif`."""
    found = [(result, Finding(scenario, one)) for result in run.results for scenario in result.scenarios for one in scenario.wrong]
    located = [(result, one) for result, one in found if one.observed.file]
    shown = located[:RESULTS_MAX]
    rules = {result.checkpoint.id: _rule(result) for result, _ in shown}
    written = {
        "tool": {
            "driver": {
                "name": "votecheck",
                "version": one_line(run.started.versions.get("votecheck", "unknown")),
                "rules": list(rules.values()),
            }
        },
        "invocations": [
            {
                "executionSuccessful": not run.harness_failed,
                "toolExecutionNotifications": [
                    {"level": level, "message": {"text": text}} for level, text in _notes(run, len(found), len(located), len(shown))
                ],
            }
        ],
        "automationDetails": {"id": f"votecheck/{one_line(run.started.target)}/{one_line(run.started.run)}"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder of the source."}}},
        "results": [_result(run, result, one, [*rules].index(result.checkpoint.id)) for result, one in shown],
        "properties": {"verdict": str(run.verdict), "commit": one_line(run.subject.commit)},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [written]}


def _notes(run: Run, found: int, located: int, shown: int) -> Iterator[tuple[str, str]]:
    if found > located:
        yield "note", f"{counted(found - located, 'finding')} without a file of the source: see results.json."
    if located > shown:
        yield "warning", f"{counted(located - shown, 'more finding')} with a file of the source: see results.json."
    for what in run.harness_errors[:NOTES_MAX]:
        yield "error", one_line(what, TEXT_MAX) or "The harness failed."


def _rule(result: CheckpointResult) -> dict[str, Any]:
    checkpoint = result.checkpoint
    return {
        "id": checkpoint.id,
        "shortDescription": {"text": checkpoint.title},
        "fullDescription": {"text": checkpoint.proves},
        "help": {"text": f"votecheck explain {checkpoint.id}"},
        "defaultConfiguration": {"level": "error"},
    }


def _result(run: Run, result: CheckpointResult, one: Finding, index: int) -> dict[str, Any]:
    o = one.observed
    path, _, line = o.file.partition(":")
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(path[:PATH_MAX].encode("utf-8", "replace")), "uriBaseId": ROOT}}
    if LINE.fullmatch(line):
        place["region"] = {"startLine": int(line)}
    lines = [
        f"{o.subject}: expected {o.expected}, observed {o.observed}.",
        o.remedy,
        f"Repeat: {reproduce(run, result, one.scenario.name)}",
    ]
    waived = [{"kind": "external", "justification": one_line(result.reason, TEXT_MAX)}] if result.verdict is Verdict.WAIVED else []
    return {
        "ruleId": result.checkpoint.id,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": "\n".join(visible(text, TEXT_MAX) for text in lines if text)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {
            "finding/v1": _fingerprint(result.checkpoint.id, one.scenario.feature, one.scenario.name, o.step, o.subject)
        },
        "suppressions": waived,
    }


def _fingerprint(*parts: str) -> str:
    """Return the same digest for the same finding in every run, whatever was observed."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
