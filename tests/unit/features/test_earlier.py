"""The last release comes from the history, and is never taken for another one than it is."""

from pathlib import Path

import pytest

from features.support.earlier import taken_from_history
from validation.core.errors import NotProven
from validation.core.settings import PROJECT
from validation.registry.releases import Release, releases


def test_the_system_of_the_last_release_is_there(tmp_path: Path) -> None:
    place = taken_from_history(releases()[-1], PROJECT, tmp_path)
    assert place.is_relative_to(tmp_path)
    assert (place / "system" / "api" / "__main__.py").is_file()
    assert {file.name for file in place.iterdir()} == {"system"}


def test_an_upgrade_from_a_release_to_itself_is_not_proven(tmp_path: Path) -> None:
    same = taken_from_history(releases()[-1], PROJECT, tmp_path / "first")
    with pytest.raises(NotProven, match="an upgrade from a release to itself proves nothing"):
        taken_from_history(releases()[-1], same, tmp_path / "second")


def test_a_release_that_is_not_in_the_history_is_not_proven(tmp_path: Path) -> None:
    with pytest.raises(NotProven, match=r"Release 9\.9\.9 is not in this history"):
        taken_from_history(Release("9.9.9", "0" * 40), PROJECT, tmp_path)
