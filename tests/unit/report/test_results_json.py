import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from validation.core.errors import HarnessError
from validation.record.events import Observed, Started
from validation.registry.checkpoints import registry
from validation.report import results_json
from validation.report.model import load

PUBLISHED = (
    "schema_version run target verdict exit_code command gaps unstable shards started seconds machine versions subject since checkpoints"
    " beyond harness_errors measurements evidence evidence_limits claims"
)


@pytest.fixture
def results(failed: Path) -> Any:
    return json.loads(results_json.render(load(failed)))


def test_it_has_exactly_the_published_fields(results: Any) -> None:
    assert list(results) == PUBLISHED.split()
    assert list(results["checkpoints"][0]) == "id title verdict reason target observations seconds proofs findings".split()  # noqa: SIM905 - as published


def test_it_describes_the_run(results: Any) -> None:
    assert (results["run"], results["verdict"], results["exit_code"], results["seconds"]) == ("20261123-093000-aaaa", "NO-GO", 1, 12.0)
    assert results["measurements"] == [{"name": "vote to result p50", "value": 0.2134, "unit": "s"}]
    assert len(results["harness_errors"]) == 1


def test_a_finding_has_complete_facts_and_shortened_evidence(results: Any) -> None:
    (finding,) = next(c for c in results["checkpoints"] if c["id"] == "5.1")["findings"]
    assert finding["expected"] == "201"
    assert "\x1b[2J\x00" in finding["observed"]
    assert len(finding["evidence"]) <= 2000
    assert finding["reproduce"].startswith("votecheck run --checkpoint 5.1")


def test_target_is_where_a_checkpoint_was_proven(results: Any) -> None:
    assert {c["id"]: c["target"] for c in results["checkpoints"] if c["id"] in {"1.1", "2.1", "5.1"}} == {
        "1.1": "",
        "2.1": "local",
        "5.1": "",
    }


def test_checks_beyond_the_protocol_are_listed_apart(clean: Path) -> None:
    results = json.loads(results_json.render(load(clean)))
    assert (len(results["checkpoints"]), [c["id"] for c in results["beyond"]]) == (32, [i for i in registry() if i.startswith("B")])


def test_the_schema_is_itself_valid_and_closed() -> None:
    schema = json.loads(results_json.SCHEMA.read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(schema)
    assert results_json.breaches(dict.fromkeys(PUBLISHED.split())) != []


def test_the_schema_rejects_an_unpublished_field(results: Any) -> None:
    assert results_json.breaches(results) == []
    results["checkpoints"][0]["mood"] = "good"
    assert results_json.breaches(results) == ["$.checkpoints.0: Additional properties are not allowed ('mood' was unexpected)"]


def test_a_document_that_does_not_match_the_schema_is_not_written(failed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_json, "SCHEMA_VERSION", 2)
    with pytest.raises(HarnessError, match="schema_version"):
        results_json.render(load(failed))


def test_a_finding_of_a_scenario_that_was_cut_off_is_valid(record: Any) -> None:
    record.start(["5.1"])
    scenario = "features/test_features.py::5.1"
    record.emit(Started(scenario, "It holds", ["5.1"], "protocol/5.1.feature"))
    record.emit(Observed(scenario, "Then it is right", "status", "201", "500", ok=False))
    try:
        written = json.loads(results_json.render(load(record.end())))
    except HarnessError as error:
        pytest.fail(str(error))
    (finding,) = next(c for c in written["checkpoints"] if c["id"] == "5.1")["findings"]
    assert finding["fidelity"] == ""
