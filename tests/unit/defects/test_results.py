from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.defects.example import DEFECTS, ROWS, row
from validation.defects.results import Proof, digest_of, digest_of_sources, is_current, keep, read, self_tested

D3 = DEFECTS["D3"]


def proof(
    defect: str = "D3", *, bench: str = "here", digest: str = "d", outcome: str = "caught", failed: tuple[str, ...] = ("6.2", "7.1")
) -> Proof:
    return Proof(defect, bench, digest, outcome, "words", list(failed), "2026-11-25T13:00:00+00:00")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("system/a.py", "chart/b.yaml", "features/c.feature", "validation/d.py", "loadtests/e.py", "conftest.py", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["system/a.py", "chart/b.yaml", "features/c.feature", "validation/d.py", "loadtests/e.py", "conftest.py"])
def test_the_digest_changes_with_each_source_file(project: Path, name: str) -> None:
    before = digest_of_sources(project)
    (project / name).write_text("other", encoding="utf-8")
    assert digest_of_sources(project) != before


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "system/__pycache__/a.pyc",
        "validation/defects/defects.toml",
        "validation/defects/matrix/redundant_steps.toml",
        "tests/x.py",
    ],
)
def test_files_that_no_result_depends_on_do_not_change_the_digest(project: Path, name: str) -> None:
    before = digest_of_sources(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("other", encoding="utf-8")
    assert digest_of_sources(project) == before


def test_the_digest_changes_when_a_file_moves(project: Path) -> None:
    before = digest_of_sources(project)
    (project / "system/a.py").rename(project / "system/z.py")
    assert digest_of_sources(project) != before


def test_the_digest_changes_with_the_python_version(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of_sources(project)
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert digest_of_sources(project) != before


def test_the_digest_of_a_defect_changes_with_its_entry_and_the_sources() -> None:
    same = digest_of(D3, "s")
    assert digest_of(replace(D3), "s") == same
    assert len({same, digest_of(replace(D3, story="Another."), "s"), digest_of(replace(D3, seed=1), "s"), digest_of(D3, "t")}) == 4
    assert is_current(proof(digest=same), D3, "s")
    assert not is_current(proof(digest=""), D3, "s")


def test_the_digest_of_a_harness_defect_changes_with_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = replace(D3, tests=("tests/unit/test_a.py",))
    before = digest_of(harness, "s"), digest_of(D3, "s")
    monkeypatch.setattr("validation.defects.results.digest_of_sources", lambda folders: f"other {folders}")
    assert digest_of(harness, "s") != before[0]
    assert digest_of(D3, "s") == before[1]


def test_the_newest_line_about_a_defect_and_bench_counts(tmp_path: Path) -> None:
    file = tmp_path / "defects" / "results.jsonl"
    assert read(file) == []
    old, new, cluster, other = proof(outcome="survived"), proof(), proof(bench="cluster"), proof("D4")
    for line in (old, cluster, ROWS[0], new, other):
        keep(file, line)
    assert sorted(read(file), key=str) == sorted([cluster, ROWS[0], new, other], key=str)


def test_a_line_that_was_cut_off_is_skipped_and_spoils_no_other(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    keep(file, proof("D3"))
    keep(file, proof("D4"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 20])
    keep(file, proof("D13"))
    assert [line.defect for line in read(file)] == ["D3", "D13"]
    file.write_bytes(b'\xff\n{"kind":"other"}\n' + file.read_bytes())
    assert [line.defect for line in read(file)] == ["D3", "D13"]


def test_a_checkpoint_is_self_tested_if_it_failed_for_a_defect_that_it_must_catch() -> None:
    assert self_tested([proof()], DEFECTS) == {"6.2", "7.1"}
    assert self_tested([proof(outcome="survived", failed=())], DEFECTS) == set()
    assert self_tested([proof("D80", bench="cluster", failed=("B17",))], DEFECTS) == {"B17"}
    assert self_tested([ROWS[2]], DEFECTS) == set(), "7.1 also failed"
    assert self_tested([row("D13", c2_3="FAILED"), proof("D99", failed=("5.1",))], DEFECTS) == {"2.3"}
