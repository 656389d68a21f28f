"""`results.json`: the published interface for machines, described by `validation/report/results.schema.json`."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from validation.core.errors import HarnessError
from validation.record.events import text
from validation.record.verdicts import CheckpointResult, Run
from validation.registry.checkpoints import BEYOND
from validation.report.model import reproduce

SCHEMA = Path(__file__).with_name("results.schema.json")
SCHEMA_VERSION = 2


def render(run: Run) -> str:
    """Return a run as `results.json`.

    Raises:
        HarnessError: the document does not match its schema.
    """
    written = document(run)
    if problems := breaches(written):
        raise HarnessError(
            f"results.json does not match its schema: {problems[0]}", "a renderer changed without the schema", f"edit {SCHEMA}"
        )
    return json.dumps(written, indent=2) + "\n"


def document(run: Run) -> dict[str, Any]:
    """Return the content of `results.json`."""
    protocol = [j for j in run.results if j.checkpoint.phase != BEYOND]
    beyond = [j for j in run.results if j.checkpoint.phase == BEYOND]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.started.run,
        "target": run.started.target,
        "verdict": str(run.verdict),
        "exit_code": run.exit_code,
        "started": run.started.started,
        "seconds": run.seconds,
        "machine": run.started.machine,
        "versions": run.started.versions,
        "checkpoints": _checkpoints(run, protocol),
        "beyond": _checkpoints(run, beyond),
        "harness_errors": [text(t) for t in run.harness_errors],
        "measurements": [{"name": m.name, "value": m.value, "unit": m.unit} for m in run.measurements],
    }


def breaches(written: Any) -> list[str]:
    """Return where a document differs from the schema, one line each."""
    return [f"{'.'.join(map(str, ('$', *error.instance_path)))}: {text(error.message)}" for error in _validator().iter_errors(written)]


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _checkpoints(run: Run, results: Sequence[CheckpointResult]) -> list[dict[str, Any]]:
    return [
        {
            "id": j.checkpoint.id,
            "title": j.checkpoint.title,
            "verdict": str(j.verdict),
            "reason": text(j.reason),
            "target": j.proven_at,
            "observations": j.observations,
            "seconds": round(j.seconds, 3),
            "findings": [
                {
                    "subject": text(o.subject),
                    "expected": text(o.expected),
                    "observed": text(o.observed),
                    "evidence": text(o.evidence),
                    "remedy": text(o.remedy),
                    "fidelity": s.fidelity,
                    "reproduce": reproduce(run, j),
                }
                for s in j.scenarios
                for o in s.wrong
            ],
        }
        for j in results
    ]
