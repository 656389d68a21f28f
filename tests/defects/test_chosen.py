"""With an upstream, the defects that changes can affect are proven; without one, all of them."""

import subprocess
from pathlib import Path

import pytest

from tests.defects.chosen import base, chosen
from validation.defects import catalogue
from validation.defects.proving.bench import HERE

EVERYTHING = tuple(one for one in catalogue.catalogue().values() if HERE.proves(one))


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    ran = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.strip()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "first")
    return folder


def test_a_clone_is_compared_with_the_commit_where_it_left_its_upstream(published: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(published), "clone")
    left_at = git(published, "rev-parse", "HEAD")
    git(tmp_path / "clone", "commit", "--quiet", "--allow-empty", "--message", "of the clone")
    git(published, "commit", "--quiet", "--allow-empty", "--message", "of someone else")
    git(tmp_path / "clone", "fetch", "--quiet")
    assert base(tmp_path / "clone") == left_at


def test_a_branch_that_was_never_pushed_is_compared_with_the_default_branch(published: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(published), "clone")
    git(tmp_path / "clone", "switch", "--quiet", "--create", "mine")
    git(tmp_path / "clone", "commit", "--quiet", "--allow-empty", "--message", "of the branch")
    assert base(tmp_path / "clone") == git(published, "rev-parse", "HEAD")


@pytest.mark.parametrize("what", ["no repository", "no upstream"])
def test_without_an_upstream_all_are_proven(what: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("DEFECT_SHARE", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert chosen(published if what == "no upstream" else tmp_path).defects == EVERYTHING


@pytest.mark.parametrize("of", [1, 3])
def test_the_shares_are_everything_once(of: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    shares = []
    for number in range(1, of + 1):
        monkeypatch.setenv("DEFECT_SHARE", f"{number}/{of}")
        shares.append(chosen())
        assert f"share {number}/{of}" in shares[-1].notes[-1]
    assert sorted(one.id for share in shares for one in share.defects) == sorted(one.id for one in EVERYTHING)


def test_continuous_integration_proves_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEFECT_SHARE", raising=False)
    monkeypatch.setenv("CI", "1")
    assert chosen().defects == EVERYTHING
