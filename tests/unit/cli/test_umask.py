"""A run has the same outcome under every umask, and keeps its folders as closed and as open as it needs them."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from validation.core.environment import built
from validation.core.settings import PROJECT
from validation.targets import cleanup
from validation.targets.local import servers

SECONDS = 240.0
UMASKS = (0o077, 0o027, 0o000)
NOBODY = 65534
ROOT = os.getuid() == 0


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder that every user may pass through: pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="umask-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def run(temporary: Path, mask: int, *as_user: str) -> "subprocess.CompletedProcess[str]":
    env = built(PYTHONPATH=str(PROJECT), TMPDIR=str(temporary), HOME=str(temporary), PYTHONDONTWRITEBYTECODE="1")
    command = [*as_user, sys.executable, "-m", "validation", "run", "--checkpoint", "5.3", "--reports", str(temporary / "reports")]
    return subprocess.run(command, cwd=PROJECT, env=env, umask=mask, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.parametrize("mask", UMASKS, ids=lambda mask: f"{mask:03o}")
def test_a_run_has_its_outcome_and_writes_nothing_that_others_can_change(mask: int, temporary: Path) -> None:
    ran = run(temporary, mask)
    assert ran.returncode == 4, ran.stderr
    assert "PARTIAL" in ran.stderr
    written = [file for file in temporary.rglob("*") if not file.is_symlink()]
    assert len(written) > 5
    assert not [file for file in written if file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)]
    if mask == 0o077:
        assert not [file for file in (temporary / "reports").rglob("*") if not file.is_symlink() and file.stat().st_mode & 0o077]


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
@pytest.mark.parametrize("mask", UMASKS, ids=lambda mask: f"{mask:03o}")
def test_an_ordinary_user_has_the_same_outcome(mask: int, temporary: Path) -> None:
    own = temporary / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    as_nobody = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
    ask = [sys.executable, "-c", "import sys, redis.asyncio; print(sys.version)"]
    asked = subprocess.run([*as_nobody, *ask], env=built(), capture_output=True, text=True, check=False)
    if asked.stdout.strip() != sys.version:
        pytest.skip("this Python lies below a folder that only root may enter")
    ran = run(own, mask, *as_nobody)
    assert ran.returncode == 4, ran.stderr


@pytest.mark.parametrize("mask", UMASKS, ids=lambda mask: f"{mask:03o}")
def test_the_folders_of_runs_can_be_passed_through_and_not_listed(mask: int, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = os.umask(mask)
    try:
        folder = cleanup.claim("20260101-000000-mode")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (folder, folder.parent)] == [0o711, 0o711]


def test_a_folder_of_runs_that_an_earlier_version_left_closed_is_opened(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (temporary / f"votecheck-{os.getuid()}").mkdir()
    (temporary / f"votecheck-{os.getuid()}").chmod(0o700)
    assert stat.S_IMODE(cleanup.base().stat().st_mode) == 0o711


@pytest.mark.skipif(not ROOT, reason="only root starts PostgreSQL as another user")
def test_a_temporary_folder_of_root_alone_is_named(temporary: Path) -> None:
    closed = temporary / "closed"
    closed.mkdir()
    closed.chmod(0o700)
    ran = run(closed, 0o022)
    assert ran.returncode == 3
    assert f"PostgreSQL runs as nobody, and only some users may enter {closed}." in ran.stderr


@pytest.mark.parametrize("mask", UMASKS, ids=lambda mask: f"{mask:03o}")
def test_programs_that_were_installed_under_a_strict_umask_are_copied_for_every_user(mask: int, temporary: Path) -> None:
    package = temporary / "package"
    (package / "bin").mkdir(parents=True)
    program, plain = package / "bin" / "postgres", package / "plain"
    for file in (program, plain):
        file.write_text("x")
    for path, mode in ((package, 0o700), (package / "bin", 0o700), (program, 0o700), (plain, 0o600)):
        path.chmod(mode)
    before = os.umask(mask)
    try:
        servers._publish(package, temporary / "copy")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((temporary / "copy" / name).stat().st_mode) for name in ("", "bin", "bin/postgres", "plain")]
    assert modes == [0o755, 0o755, 0o705, 0o604]
    assert stat.S_IMODE(program.stat().st_mode) == 0o700
