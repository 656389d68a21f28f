from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.defects.example import DEFECTS, ROWS, row
from validation.defects.results import Proof, digest_of, digest_of_sources, is_of, keep, last_known, read, self_tested

D3 = DEFECTS["D3"]


def proof(
    defect: str = "D3", *, bench: str = "here", digest: str = "d", catch: str = "caught", red: tuple[str, ...] = ("6.2", "7.1")
) -> Proof:
    return Proof(defect, bench, digest, catch, "words", list(red), "2026-11-25T13:00:00+00:00")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("system/a.py", "chart/b.yaml", "features/c.feature", "validation/d.py", "loadtests/e.py", "conftest.py", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["system/a.py", "chart/b.yaml", "features/c.feature", "validation/d.py", "loadtests/e.py", "conftest.py"])
def test_the_digest_of_the_sources_changes_with_each_of_them(project: Path, name: str) -> None:
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
def test_what_no_result_depends_on_does_not_change_it(project: Path, name: str) -> None:
    before = digest_of_sources(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("other", encoding="utf-8")
    assert digest_of_sources(project) == before


def test_a_file_that_is_moved_is_another_source(project: Path) -> None:
    before = digest_of_sources(project)
    (project / "system/a.py").rename(project / "system/z.py")
    assert digest_of_sources(project) != before


def test_another_python_is_another_source(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of_sources(project)
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert digest_of_sources(project) != before


def test_the_digest_of_a_defect_changes_with_its_entry_and_with_the_sources() -> None:
    same = digest_of(D3, "s")
    assert digest_of(replace(D3), "s") == same
    assert len({same, digest_of(replace(D3, story="Another."), "s"), digest_of(replace(D3, seed=1), "s"), digest_of(D3, "t")}) == 4
    assert is_of(proof(digest=same), D3, "s")
    assert not is_of(proof(digest=""), D3, "s")


def test_the_digest_of_a_defect_of_the_judge_changes_with_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = replace(D3, tests=("tests/unit/test_a.py",))
    before = digest_of(judge, "s"), digest_of(D3, "s")
    monkeypatch.setattr("validation.defects.results.digest_of_sources", lambda folders: f"other {folders}")
    assert digest_of(judge, "s") != before[0]
    assert digest_of(D3, "s") == before[1]


def test_the_newest_line_about_a_thing_counts(tmp_path: Path) -> None:
    file = tmp_path / "defects" / "results.jsonl"
    assert read(file) == []
    old, new, live, other = proof(catch="survived"), proof(), proof(bench="cluster"), proof("D4")
    for line in (old, live, ROWS[0], new, other):
        keep(file, line)
    assert sorted(read(file), key=str) == sorted([live, ROWS[0], new, other], key=str)


def test_a_line_that_was_cut_is_none_and_takes_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    keep(file, proof("D3"))
    keep(file, proof("D4"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 20])
    keep(file, proof("D13"))
    assert [line.defect for line in read(file)] == ["D3", "D13"]
    file.write_bytes(b'\xff\n{"kind":"other"}\n' + file.read_bytes())
    assert [line.defect for line in read(file)] == ["D3", "D13"]


def test_seen_to_fail_is_what_a_defect_that_names_it_turned_red() -> None:
    assert self_tested([proof()], DEFECTS) == {"6.2", "7.1"}
    assert self_tested([proof(catch="survived", red=())], DEFECTS) == set()
    assert self_tested([proof("D80", bench="cluster", red=("B17",))], DEFECTS) == {"B17"}
    assert self_tested([ROWS[2]], DEFECTS) == set(), "7.1 fell besides"
    assert self_tested([row("D13", c2_3="FAILED"), proof("D99", red=("5.1",))], DEFECTS) == {"2.3"}


def test_what_is_known_is_told_with_how_much_of_it_is_of_this_source(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    assert last_known(file, DEFECTS) == {}
    keep(file, proof(digest=digest_of(D3, digest_of_sources())))
    assert last_known(file, DEFECTS) == {"6.2": True, "7.1": True}
    keep(file, proof("D13", digest="another", red=("2.3",)))
    assert last_known(file, DEFECTS) == {"2.3": False, "6.2": True, "7.1": True}
