"""Read-only git commands, whatever the configuration of the user."""

import subprocess
from pathlib import Path

import pytest

from validation.core.environment import built
from validation.core.git import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", str(folder)], env=built(HOME=str(tmp_path)), check=True)
    (folder / "new").write_text("not tracked")
    return folder


@pytest.mark.parametrize("file", [".gitconfig", ".config/git/config"])
def test_the_configuration_of_the_user_changes_no_output(
    file: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("[status]\n  showUntrackedFiles = no\n  short = true\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert git(repository, "status", "--porcelain") == "?? new\n"


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_CONFIG_COUNT"])
def test_no_variable_of_git_points_elsewhere(name: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/nonexistent")
    assert git(repository, "status", "--porcelain") == "?? new\n"


def test_no_program_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    hook = f"[core]\n  fsmonitor = touch {tmp_path}/ran; false\n"
    with (repository / ".git" / "config").open("a") as config:
        config.write(hook)
    git(repository, "status", "--porcelain")
    assert not (tmp_path / "ran").exists()
