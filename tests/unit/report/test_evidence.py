"""What a run kept is linked, listed and checked: a file that is missing, changed or elsewhere is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.report.conftest import Record
from tests.unit.report.page import Page
from validation.record.events import EvidenceLimited, Finished, Moment, Observed, Snapshot, Started
from validation.record.evidence import Evidence, digest_of, path_of
from validation.report import html
from validation.report.model import load
from validation.report.verify import verify
from validation.report.write import write_all

RUN = "20261126-093000-cccc"
SCENARIO = "features/test_features.py::test_it_holds"
PROBLEM = "The stream entries could not be read: Redis is down"


@pytest.fixture
def kept(new_record: Callable[[str], Record]) -> Path:
    """A run with a finding that is cut, the moment of its failure, and a snapshot."""
    record = new_record(RUN)
    record.start(["5.1"], target="cluster")
    evidence = Evidence(record.folder, record.emit)
    files = {"observed": evidence.keep("y" * 5000, wrong=True)}
    record.emit(Started(SCENARIO, "It holds", ["5.1"], "protocol/5.feature"))
    record.emit(Observed(SCENARIO, "Then it holds", "answer", "x", "y", ok=False, files=files))
    record.emit(Moment(SCENARIO, {"log lines": evidence.keep("a line", wrong=True)}, [PROBLEM]))
    (record.folder / "snapshots").mkdir()
    (record.folder / "snapshots" / "rows.txt").write_text("rows")
    record.emit(Snapshot(SCENARIO, ["snapshots/rows.txt"], {"snapshots/rows.txt": digest_of(b"rows")}))
    record.emit(EvidenceLimited(left_out=2, cut=1, failed=0))
    record.emit(Finished(SCENARIO, "failed", "answer", 0.5, "cluster"))
    folder = record.end()
    write_all(folder)
    return folder


def files(folder: Path) -> list[Path]:
    return [*sorted((folder / "evidence").iterdir()), folder / "snapshots" / "rows.txt"]


def test_results_json_lists_each_file_with_its_digest(kept: Path) -> None:
    results = json.loads((kept / "results.json").read_text(encoding="utf-8"))
    assert [(one["holds"], one["sha256"]) for one in results["evidence"]] == [
        ("observed of answer", digest_of(b"y" * 5000)),
        ("log lines", digest_of(b"a line")),
        ("rows.txt", digest_of(b"rows")),
    ]
    assert all(digest_of((kept / one["file"]).read_bytes()) == one["sha256"] for one in results["evidence"])
    assert results["checkpoints"][0]["findings"][0]["files"] == {"observed": path_of(digest_of(b"y" * 5000))}


def test_the_page_links_each_file_and_says_what_is_missing(kept: Path) -> None:
    page = Page(html.render(load(kept)))
    linked = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
    assert {str(file.relative_to(kept)) for file in files(kept)} <= linked
    assert PROBLEM in page.text
    assert "2 texts of evidence were not kept, because a run keeps at most 64 MiB. 1 text of evidence was cut after 1 MiB." in page.text
    assert page.unbalanced == []


def test_a_run_that_kept_everything_says_nothing_of_limits(clean: Path) -> None:
    assert "of evidence" not in Page(html.render(load(clean))).text


def test_files_that_are_what_the_record_says_are_right(kept: Path) -> None:
    assert len(files(kept)) == 3
    assert verify(kept) == []


def test_each_changed_file_is_named(kept: Path) -> None:
    for file in files(kept):
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        problem = "; ".join(verify(kept))
        assert problem.startswith(f"{file.relative_to(kept)} was changed: its SHA-256 is "), problem
        file.write_bytes(content)


def test_each_missing_file_is_named(kept: Path) -> None:
    for file in files(kept):
        content = file.read_bytes()
        file.unlink()
        problem = "; ".join(verify(kept))
        assert problem.startswith(f"{file.relative_to(kept)} cannot be read: No such file or directory."), problem
        file.write_bytes(content)


def test_a_file_outside_the_folder_is_not_read(new_record: Callable[[str], Record], tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    record = new_record(RUN)
    record.start(["5.1"])
    record.emit(Snapshot(SCENARIO, [], {"../../secret.txt": digest_of(b"secret")}))
    folder = record.end()
    write_all(folder)
    assert verify(folder) == ["../../secret.txt is not below the folder of the run."]


def test_an_evidence_file_that_was_taken_out_of_results_json_is_missed(kept: Path) -> None:
    file = kept / "results.json"
    results = json.loads(file.read_text(encoding="utf-8"))
    results["evidence"].pop()
    file.write_text(json.dumps(results), encoding="utf-8")
    (problem,) = verify(kept)
    assert problem.startswith("results.json has [")
    assert "at $.evidence" in problem
