import json
from pathlib import Path
from typing import Any

import pytest

from validation.record import recorder
from validation.report import model, provenance
from validation.report.verify import verify
from validation.report.write import write_all


@pytest.fixture
def reported(failed: Path) -> Path:
    write_all(failed)
    return failed


def change(folder: Path, **fields: Any) -> None:
    file = folder / "results.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | fields), encoding="utf-8")


def test_a_report_that_its_record_confirms_has_no_problem(reported: Path) -> None:
    assert verify(reported) == []


def test_the_record_is_read_once(reported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    for module in (model, provenance):
        monkeypatch.setattr(module, "read", lambda file: (read.append(file), recorder.read(file))[1])
    assert verify(reported) == []
    assert read == [reported / "results.jsonl"]


def test_a_changed_verdict_is_detected(reported: Path) -> None:
    change(reported, verdict="GO", exit_code=0)
    assert verify(reported) == [
        "results.json has 0 at $.exit_code; the record gives 1",
        'results.json has "GO" at $.verdict; the record gives "NO-GO"',
    ]


def test_a_removed_finding_is_detected(reported: Path) -> None:
    results = json.loads((reported / "results.json").read_text(encoding="utf-8"))
    results["checkpoints"][3]["findings"] = []
    change(reported, checkpoints=results["checkpoints"])
    problems = verify(reported)
    assert len(problems) == 1
    assert problems[0].startswith("results.json has [] at $.checkpoints[3].findings; the record gives [{")


@pytest.mark.parametrize(("old", "new"), [('"ok":false', '"ok":true'), ('"observed":"200"', '"observed":"413"'), ("5.4", "5.5")])
def test_a_tampered_record_is_refused(reported: Path, old: str, new: str) -> None:
    record = reported / "results.jsonl"
    written = record.read_text(encoding="utf-8")
    assert old in written
    record.write_text(written.replace(old, new), encoding="utf-8")
    (problem,) = verify(reported)
    assert "was changed after the run" in problem


def test_a_truncated_record_no_longer_confirms_the_report(reported: Path) -> None:
    record = reported / "results.jsonl"
    lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
    record.write_text("".join(lines[:-1]), encoding="utf-8")
    assert any("$.harness_errors" in problem for problem in verify(reported))


def test_a_record_of_another_run_is_detected(reported: Path, tmp_path: Path) -> None:
    moved = reported.rename(tmp_path / "20300101-000000-ffff")
    (problem,) = verify(moved)
    assert problem == "Folder 20300101-000000-ffff holds run 20261123-093000-aaaa; rename it to 20261123-093000-aaaa."


def test_missing_broken_or_misshapen_results_are_named(reported: Path) -> None:
    file = reported / "results.json"
    change(reported, mood="good")
    assert verify(reported)[0].startswith("results.json does not match its schema at $: Additional properties")
    for text in ("[]", "{", "null"):
        file.write_text(text, encoding="utf-8")
        assert verify(reported) != []
    file.unlink()
    assert verify(reported)[0].startswith("Cannot read results.json")
