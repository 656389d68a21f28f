"""The last release comes from the history, and is never taken for another one than it is."""

from pathlib import Path

import pytest

from features.support.earlier import taken_from_history
from validation.core.errors import NotProven
from validation.core.git import git
from validation.registry.releases import Release

COMMIT = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "--message=a release")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    (made / "system").mkdir(parents=True)
    (made / "system" / "__init__.py").write_text("RELEASED = True\n")
    (made / "other").write_text("x")
    for words in (("init", "--quiet"), ("add", "."), COMMIT):
        assert git(made, *words) is not None
    return made


@pytest.fixture
def release(project: Path) -> Release:
    return Release("9.9.9", str(git(project, "rev-parse", "HEAD")).strip())


def test_the_system_of_the_last_release_is_there(project: Path, release: Release, tmp_path: Path) -> None:
    (project / "system" / "__init__.py").write_text("RELEASED = False\n")
    place = taken_from_history(release, project, project, tmp_path / "run")
    assert [file.relative_to(place).as_posix() for file in place.rglob("*")] == ["system", "system/__init__.py"]
    assert (place / "system" / "__init__.py").read_text() == "RELEASED = True\n"


def test_an_upgrade_from_a_release_to_itself_is_not_proven(project: Path, release: Release, tmp_path: Path) -> None:
    (project / "other").write_text("y")
    with pytest.raises(NotProven, match="an upgrade from a release to itself proves nothing"):
        taken_from_history(release, project, project, tmp_path / "run")


def test_a_release_that_is_not_in_the_history_is_not_proven(project: Path, tmp_path: Path) -> None:
    with pytest.raises(NotProven, match=r"Release 9\.9\.9 is not in this history"):
        taken_from_history(Release("9.9.9", "0" * 40), project, project, tmp_path / "run")
