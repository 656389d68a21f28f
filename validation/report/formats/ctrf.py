"""CTRF, the Common Test Report Format (https://ctrf.io): JSON that reporters for pull requests, chats and dashboards read."""

import json
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from validation.record.verdicts import Run, RunVerdict
from validation.report.formats.cases import Case, Outcome, Suite, of_run
from validation.report.text import one_line

SPEC_VERSION = "0.0.0"
"""The version of the specification; there is no other yet."""
STATUSES = {Outcome.PASSED: "passed", Outcome.FAILURE: "failed", Outcome.ERROR: "other", Outcome.SKIPPED: "other"}
"""CTRF calls skipped what was not run on purpose, and pending what still runs. Neither is NOT PROVEN, WAIVED or a harness error."""


def render(run: Run) -> str:
    """Return a run as CTRF. `rawStatus` has the words of votecheck for what is neither passed nor failed."""
    return json.dumps(document(run), indent=2) + "\n"


def document(run: Run) -> dict[str, Any]:
    """Return the content of `ctrf.json`."""
    suites, started = of_run(run), run.started
    begun = round(1000 * datetime.fromisoformat(started.started).timestamp()) if started.started else 0
    took = round(1000 * max(0.0, run.seconds))
    statuses = Counter(STATUSES[case.outcome] for suite in suites for case in suite.cases)
    version = one_line(started.versions.get("votecheck", "")) or "unknown"
    return {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "reportId": _uuid(started.run),
        **({"timestamp": started.started} if started.started else {}),
        "generatedBy": f"votecheck {version}",
        "results": {
            "tool": {"name": "votecheck", "version": version},
            "summary": {
                "tests": statuses.total(),
                **{status: statuses[status] for status in ("passed", "failed", "skipped", "pending", "other")},
                "suites": len(suites),
                "start": begun,
                "stop": begun + took,
                "duration": took,
            },
            "tests": [_test(suite, case) for suite in suites for case in suite.cases],
            "environment": {
                "reportName": f"votecheck: {run.verdict}",
                "testEnvironment": one_line(started.target),
                "healthy": run.verdict is RunVerdict.GO,
                **({"commit": one_line(run.subject.commit)} if run.subject.commit else {}),
                "extra": {"machine": {one_line(name): one_line(value) for name, value in started.machine.items()}},
            },
            "extra": {"run": one_line(started.run), **suites[-1].properties},
        },
    }


def _test(suite: Suite, case: Case) -> dict[str, Any]:
    labels = {name: value for name, value in case.labels.items() if value}
    optional = {
        "message": case.message,
        "trace": case.detail,
        "filePath": f"features/{labels['feature']}" if "feature" in labels else "",
        "labels": labels,
        "parameters": dict(case.row),
    }
    return {
        "id": _uuid(case.group, labels.get("feature", ""), case.name, labels.get("fidelity", "")),
        "name": case.name or "unnamed",
        "status": STATUSES[case.outcome],
        "rawStatus": case.word or "PASSED",
        "duration": round(1000 * case.seconds),
        "suite": [suite.name, case.group],
        **{name: value for name, value in optional.items() if value},
    }


def _uuid(*parts: str) -> str:
    """Return the same id for the same parts in every run."""
    return str(uuid5(NAMESPACE_URL, json.dumps(["votecheck", *parts])))
