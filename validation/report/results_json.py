"""`results.json`: the published interface for machines, described by `validation/report/results.schema.json`."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec

from validation.core.errors import HarnessError
from validation.record.events import text
from validation.record.evidence import path_of
from validation.record.results import CheckpointResult
from validation.record.subject import Subject
from validation.record.verdicts import Run
from validation.registry.checkpoints import BEYOND
from validation.report.claims import Standing, with_standing
from validation.report.evidence import kept, limits
from validation.report.findings import Finding, grouped
from validation.report.model import proofs_of, repeat, reproduce
from validation.report.since import as_data

SCHEMA = Path(__file__).with_name("results.schema.json")
SCHEMA_VERSION = 3
RESULTS = "results.json"


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
        "run": text(run.started.run),
        "target": run.started.target,
        "verdict": str(run.verdict),
        "exit_code": run.exit_code,
        "command": text(repeat(run)),
        "gaps": [text(sentence) for sentence in run.gaps],
        "unstable": [{"id": one.checkpoint, "verdict": one.verdict, "run": one.run} for one in run.unstable],
        "shards": [{"shard": s.shard, "run": s.run, "started": s.started, "seconds": s.seconds, "seal": s.seal} for s in run.shards],
        "started": run.started.started,
        "seconds": run.seconds,
        "machine": _texts(run.started.machine),
        "versions": _texts(run.started.versions),
        "subject": _subject(run.subject),
        "since": as_data(run),
        "checkpoints": _checkpoints(run, protocol),
        "beyond": _checkpoints(run, beyond),
        "harness_errors": [text(t) for t in run.harness_errors],
        "measurements": [{"name": m.name, "value": m.value, "unit": m.unit} for m in run.measurements],
        "evidence": [{"file": k.file, "sha256": k.sha256, "scenario": text(k.scenario), "holds": text(k.holds)} for k in kept(run)],
        "evidence_limits": text(limits(run)),
        "claims": {standing.lower().replace(" ", "_"): [claim.id for claim in with_standing(run, standing)] for standing in Standing},
    }


def _subject(subject: Subject) -> dict[str, Any]:
    written: dict[str, Any] = msgspec.to_builtins(subject)
    maps = {name: _texts(value) for name, value in written.items() if isinstance(value, dict)}
    return written | maps | {"commit": text(subject.commit), "changed": [text(name) for name in subject.changed]}


def _texts(values: Mapping[str, str]) -> dict[str, str]:
    return {text(name): text(value) for name, value in values.items()}


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
            "proofs": [
                {"defect": one.defect, "title": text(one.title), "finding": text(one.finding), "at": one.at, "stale": one.stale}
                for one in proofs_of(run, j.checkpoint.id)
            ],
            "findings": [_finding(run, j, one, len(group.findings)) for group in grouped(j) for one in group.findings],
        }
        for j in results
    ]


def _finding(run: Run, result: CheckpointResult, one: Finding, alike: int) -> dict[str, Any]:
    o, s = one.observed, one.scenario
    return {
        "subject": text(o.subject),
        "expected": text(o.expected),
        "observed": text(o.observed),
        "evidence": text(o.evidence),
        "remedy": text(o.remedy),
        "step": text(o.step),
        "scenario": text(s.name),
        "feature": text(s.feature),
        "row": _texts(s.row),
        "input": text(o.input),
        **({"file": text(o.file)} if o.file else {}),
        "files": {part: path_of(digest, part) for part, digest in o.files.items()},
        "alike": alike,
        "fidelity": s.fidelity,
        "reproduce": text(reproduce(run, result, s.name)),
    }
