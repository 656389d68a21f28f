import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.core.settings import PROJECT
from validation.images.source import UNKNOWN, digest, reference, revision

FILES = sorted(str(f.relative_to(PROJECT)) for f in (PROJECT / "system").rglob("*") if f.is_file() and "__pycache__" not in f.parts)


@pytest.mark.parametrize("file", FILES)
def test_the_digest_changes_with_every_file(file: str, source: Path) -> None:
    before = digest(source)
    content = (source / file).read_bytes()
    (source / file).write_bytes(content + b" ")
    assert digest(source) != before
    (source / file).unlink()
    assert digest(source) != before
    (source / file).write_bytes(content)
    assert digest(source) == before


def test_the_digest_changes_with_a_renamed_or_new_file(source: Path) -> None:
    seen = {digest(source)}
    (source / "system" / "errors.py").rename(source / "system" / "faults.py")
    seen.add(digest(source))
    (source / "system" / "new.py").touch()
    seen.add(digest(source))
    assert len(seen) == 3


def test_byte_code_does_not_change_the_digest(source: Path) -> None:
    before = digest(source)
    (source / "system" / "api" / "__pycache__").mkdir()
    (source / "system" / "api" / "__pycache__" / "app.cpython-313.pyc").write_bytes(b"x")
    assert digest(source) == before


def test_place_time_and_mode_do_not_change_the_digest(source: Path, tmp_path: Path) -> None:
    before = digest(source)
    moved = source.rename(tmp_path / "__pycache__")
    for file in sorted(moved.rglob("*"), reverse=True):
        os.utime(file, (1, 1))
        file.chmod(0o700)
    assert digest(moved) == before


@given(st.lists(st.text(st.sampled_from("ab-_."), min_size=1, max_size=3).filter(lambda name: name.strip(".")), unique=True, max_size=6))
def test_the_order_of_creation_does_not_change_the_digest(names: list[str]) -> None:
    def digest_of(order: list[str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "system").mkdir()
            for name in order:
                (Path(folder) / "system" / name).write_text(name)
            return digest(Path(folder))

    assert digest_of(names) == digest_of(names[::-1])


def test_the_name_of_an_image_has_part_and_released_version() -> None:
    assert reference("api").startswith("voting-api:0.")
    assert reference("consumer", "t") == "voting-consumer:t"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@x"]
    return subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def test_the_revision_is_the_commit_and_dirty_if_system_differs(source: Path) -> None:
    assert revision(source) == UNKNOWN
    git(source, "init", "--quiet")
    assert revision(source) == UNKNOWN, "there is no commit yet"
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message", "x")
    commit = git(source, "rev-parse", "HEAD")
    assert revision(source) == commit
    (source / "notes").touch()
    assert revision(source) == commit, "files outside system/ do not change the images"
    (source / "system" / "new.py").touch()
    assert revision(source) == f"{commit}-dirty"


def test_a_folder_inside_another_repository_has_no_revision(source: Path) -> None:
    git(source.parent, "init", "--quiet")
    git(source.parent, "add", ".")
    git(source.parent, "commit", "--quiet", "--message", "x")
    assert revision(source) == UNKNOWN


def test_without_git_the_revision_is_unknown(source: Path, path: Path) -> None:
    (source / ".git").mkdir()
    assert not list(path.iterdir())
    assert revision(source) == UNKNOWN
