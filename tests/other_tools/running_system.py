"""The tool that checks the running system: schemathesis, which generates requests from the OpenAPI document."""

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.other_tools.programs import installed, run
from tests.other_tools.tool import NotAvailable, Remarks, Tool
from validation.core.settings import RunSettings
from validation.defects.catalogue import Defect, catalogue
from validation.record.run_ids import new_run_id
from validation.targets.local.target import LocalTarget

SEED = 1
OPTIONS = (
    *("--seed", str(SEED), "--request-timeout", "10", "--suppress-health-check", "all"),
    *("--exclude-path", "/api/results/stream"),  # it never ends
    *("--exclude-checks", "positive_data_acceptance"),  # a body and a key that are each right may be refused together
)


def schemathesis(copy: Path, defect: Defect | None) -> Remarks:
    """Return its remarks about a whole system, consumer and servers included, that runs from a copy of the source."""
    settings = RunSettings(source=copy, run=new_run_id(), redis_settings=defect.redis if defect else ())
    target = LocalTarget(settings)
    with tempfile.TemporaryDirectory(prefix="votecheck-schemathesis-") as temporary:
        report = Path(temporary) / "report.ndjson"
        try:
            target.start()
            target.ensure_consumer()
            url = f"{target.api.url}/openapi.json"
            run(installed("schemathesis"), "run", url, *OPTIONS, "--report-ndjson-path", str(report), folder=Path(temporary))
        finally:
            target.close()
        return _failures(report)


def _failures(report: Path) -> Remarks:
    """Return what its checks found wrong, by operation."""
    checked = 0
    wrong = set[str]()
    for line in report.read_text(encoding="utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for check in (one for case in recorder.get("checks", {}).values() for one in case):
            checked += 1
            if check["status"] != "success":
                failure = check["failure_info"]["failure"]
                wrong.add(f"{check['name']} {recorder['label']}: {failure['title']}")
    if not checked:
        raise NotAvailable("schemathesis sent nothing")
    return frozenset(wrong)


RUNNING_SYSTEM = (
    Tool(
        "schemathesis",
        "whether an API does what its OpenAPI document says, and never fails",
        f"schemathesis run URL/openapi.json {' '.join(OPTIONS)}",
        ("system/*.py",),
        lambda: version("schemathesis"),
        schemathesis,
        catalogue()["D84"],
        runs_the_system=True,
    ),
)
