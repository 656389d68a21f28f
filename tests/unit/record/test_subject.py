"""A subject is read from files and git, and any change of what is validated is seen."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tests.unit.record.subjects import SUBJECT
from validation.core.settings import PROJECT
from validation.record.events import RunFinished, RunStarted, SubjectSeen
from validation.record.subject import CHANGED_MAX, HARNESS, SOURCE, Subject, differences, merged, read_subject
from validation.record.verdicts import RunVerdict, evaluate
from validation.registry.checkpoints import registry
from validation.report.model import day_of


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source with a few files of each folder, as the only commit of a repository."""
    for name in ("system/api/votes.py", "chart/Chart.yaml", "docs/index.md", "features/conftest.py", "validation/core/git.py", "README.md"):
        file = tmp_path / "source" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name if (PROJECT / name).exists() else PROJECT / "conftest.py", file)
    git(tmp_path / "source", "init", "-q")
    commit(tmp_path / "source")
    return tmp_path / "source"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return git(folder, "rev-parse", "HEAD").strip()


def test_a_subject_names_commit_digests_and_chart(source: Path) -> None:
    found = read_subject(source, source)
    assert found.commit == found.harness_commit == git(source, "rev-parse", "HEAD").strip()
    assert set(found.digests) == {"system", "chart", "docs", "features", "validation", "README.md"}
    assert found.chart_version == "0.3.2"
    assert (found.changed, found.changed_count) == ([], 0)


def test_a_source_without_git_has_no_commit(source: Path) -> None:
    shutil.rmtree(source / ".git")
    found = read_subject(source, source)
    assert (found.commit, found.changed) == ("", [])
    assert found.digests["system"].startswith("sha256:")


def test_the_harness_of_another_source_has_its_own_commit(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    found = read_subject(tmp_path / "copy", source)
    assert (found.commit, found.harness_commit) == ("", git(source, "rev-parse", "HEAD").strip())


def edit(source: Path) -> None:
    (source / "system/api/votes.py").write_text("changed")


def add(source: Path) -> None:
    (source / "chart/new.yaml").write_text("")


def remove(source: Path) -> None:
    (source / "docs/index.md").unlink()


def rename(source: Path) -> None:
    (source / "validation/core/git.py").rename(source / "validation/core/other.py")


CHANGES: dict[Callable[[Path], object], tuple[list[str], list[str]]] = {
    edit: (["system/api/votes.py"], ["system"]),
    add: (["chart/new.yaml"], ["chart"]),
    remove: (["docs/index.md"], ["docs"]),
    rename: (["validation/core/git.py", "validation/core/other.py"], ["validation"]),
    commit: ([], ["commit", "commit of the harness"]),
    lambda source: (source / "notes.txt").write_text("of the user"): ([], []),
}


@pytest.mark.parametrize("change", CHANGES, ids=["edit", "add", "remove", "rename", "commit", "a file that nobody validates"])
def test_each_change_is_seen(change: Callable[[Path], object], source: Path) -> None:
    before = read_subject(source, source)
    change(source)
    after = read_subject(source, source)
    changed, named = CHANGES[change]
    assert after.changed == changed
    assert [line.partition(":")[0] for line in differences(before, after)] == named


def test_many_changes_are_counted_and_the_first_ones_listed(source: Path) -> None:
    for number in range(CHANGED_MAX + 7):
        (source / f"system/{number:03}.py").write_text("")
    found = read_subject(source, source)
    assert (len(found.changed), found.changed_count) == (CHANGED_MAX, CHANGED_MAX + 7)


def test_every_validated_and_validating_name_exists() -> None:
    assert [name for name in (*SOURCE, *HARNESS) if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize(
    "later",
    [
        structs.replace(SUBJECT, commit="2e" * 20),
        structs.replace(SUBJECT, digests=SUBJECT.digests | {"system": "sha256:other"}),
        structs.replace(SUBJECT, digests={"system": SUBJECT.digests["system"]}),
        Subject(images={"voting-api:0.3.2": "sha256:tagged again"}),
        Subject(servers={"Redis": "Redis 8.2.1"}),
        None,
    ],
    ids=["commit", "file", "folder gone", "image", "server", "not looked at again"],
)
def test_a_run_whose_subject_changed_is_not_green(later: Subject | None) -> None:
    start = RunStarted("r", "local", "2026-11-30T10:00:00+00:00", ["5.1"], [], {}, {}, [], subject=SUBJECT)
    end = [] if later and later.digests else [SubjectSeen(SUBJECT)] * bool(later)
    run = evaluate([start, *[SubjectSeen(later)] * bool(later), *end, RunFinished(1.0)], registry(), day_of([start]))
    assert run.verdict is RunVerdict.INCOMPLETE
    assert any(what.startswith(("The subject changed during the run", "The subject is not known")) for what in run.harness_errors)


def test_a_run_whose_subject_is_the_same_at_each_moment_has_all_that_was_seen() -> None:
    start = RunStarted(
        "r", "local", "2026-11-30T10:00:00+00:00", ["5.1"], [], {}, {}, [], subject=structs.replace(SUBJECT, images={}, servers={})
    )
    seen = [
        SubjectSeen(Subject(images=SUBJECT.images)),
        SubjectSeen(Subject(servers=SUBJECT.servers)),
        SubjectSeen(start.subject or SUBJECT),
    ]
    run = evaluate([start, *seen, RunFinished(1.0)], registry(), day_of([start]))
    assert run.subject == SUBJECT
    assert run.harness_errors == ()


def test_nothing_seen_is_an_empty_subject() -> None:
    assert merged([]) == Subject()
