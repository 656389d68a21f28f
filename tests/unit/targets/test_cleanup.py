"""Cleanup ends and removes everything that a dead run left, and touches nothing of a live run or of another user."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from validation.core.errors import TargetUnavailable
from validation.targets import cleanup
from validation.targets.cleanup import MARK

Start = Callable[..., subprocess.Popen[str]]
IGNORES_SIGTERM = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (signal.SIGTERM, signal.SIGQUIT)];"
# Polls for signals: `signal.pause` would miss one that arrives just before it.
WAIT = "print('up', flush=True); time = __import__('time'); [time.sleep(0.05) for _ in iter(int, 1)]"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder for this test alone, without other runs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that waits forever."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, program: str = WAIT, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *arguments]
        started.append(subprocess.Popen(command, cwd=cwd, env=os.environ | env, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == "up\n"
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


CLAIM = f"import sys, tempfile; from validation.targets import cleanup; tempfile.tempdir = sys.argv[1]; cleanup.claim(sys.argv[2]); {WAIT}"


@pytest.fixture
def orphaned(temporary: Path, start: Start) -> Path:
    """The folder of a run whose owner was killed."""
    owner = start(str(temporary), "20260101-000000-dead", program=CLAIM)
    owner.kill()
    owner.wait()
    return cleanup.base() / "20260101-000000-dead"


def test_a_live_run_is_not_touched(start: Start) -> None:
    folder = cleanup.claim("20260101-000000-live")
    process = start(**{MARK: "20260101-000000-live"})
    assert cleanup.reap() == ([], [])
    assert process.poll() is None
    assert (folder / cleanup.OWNER_FILE).is_file()


@pytest.mark.parametrize("seconds", [-86_400, -1, 0, 1, 86_400])
def test_a_live_run_of_another_process_is_not_touched_whatever_the_clock_says(
    temporary: Path, start: Start, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = start(str(temporary), "another", program=CLAIM)
    began, now = psutil.boot_time(), time.time()
    monkeypatch.setattr(
        psutil._psplatform, "boot_time", lambda: began + seconds
    )  # a step of the clock moves the boot time that Linux states
    monkeypatch.setattr(time, "time", lambda: now + seconds)
    assert cleanup.reap() == ([], [])
    assert owner.poll() is None
    assert (cleanup.base() / "another").is_dir()


def test_a_run_whose_owner_left_processes_behind_is_dead(temporary: Path, start: Start) -> None:
    begin = "import subprocess, sys; child = subprocess.Popen(['sleep', '60'], cwd=cleanup.base() / '20260101-000000-left');"
    owner = start(str(temporary), "20260101-000000-left", program=CLAIM.replace(WAIT, begin + WAIT))
    owner.kill()
    owner.wait()
    assert owner.stdout is not None
    assert cleanup.reap() == (["20260101-000000-left"], [])
    assert owner.stdout.read() == ""  # the end of it: nothing that the owner started holds it open


@pytest.mark.parametrize("program", [WAIT, IGNORES_SIGTERM + WAIT], ids=["handles SIGTERM", "ignores SIGTERM"])
def test_processes_and_files_of_a_dead_run_are_removed(orphaned: Path, start: Start, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "_TERMINATE_SECONDS", 0.3)
    (orphaned / "data").mkdir()
    (orphaned / "data" / "votes").write_text("many")
    by_mark = start(program=program, **{MARK: orphaned.name})
    by_folder = start(str(orphaned), program=program)
    by_place = start(program=program, cwd=orphaned / "data")
    stranger = start(program=program, **{MARK: "another run"})
    assert cleanup.reap() == ([orphaned.name], [])
    assert not orphaned.exists()
    assert not psutil.pid_exists(by_mark.pid)
    assert not psutil.pid_exists(by_folder.pid)
    assert not psutil.pid_exists(by_place.pid)
    assert stranger.poll() is None


def test_a_stopped_process_is_resumed_to_exit_cleanly(orphaned: Path, start: Start) -> None:
    program = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit()));" + WAIT
    stopped = start(program=program, **{MARK: orphaned.name})
    stopped.send_signal(signal.SIGSTOP)
    assert cleanup.reap() == ([orphaned.name], [])
    assert stopped.stdout is not None
    assert stopped.stdout.read() == "bye\n"
    assert not psutil.pid_exists(stopped.pid)


@pytest.mark.parametrize("owner", [None, "", f"{os.getpid()}\n"], ids=["none", "empty", "a live process"])
def test_a_folder_that_nobody_has_locked_is_removed(orphaned: Path, owner: str | None) -> None:
    (orphaned / cleanup.OWNER_FILE).unlink()
    if owner is not None:
        (orphaned / cleanup.OWNER_FILE).write_text(owner)
    assert cleanup.reap() == ([orphaned.name], [])


def test_a_folder_that_is_being_claimed_is_not_touched_and_an_old_one_is_removed() -> None:
    folder = cleanup.base() / ".20260101-000000-made"
    folder.mkdir()
    assert cleanup.reap() == ([], [])
    os.utime(folder, (1.0, 1.0))
    assert cleanup.reap() == ([folder.name], [])


def test_a_file_that_cannot_be_removed_is_a_leftover(orphaned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, **_: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    (orphaned / "stuck").write_text("")
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refuse)
        (_, problems) = cleanup.reap()
    assert any(f"{orphaned / 'stuck'} could not be removed" in p for p in problems)


def test_a_run_is_claimed_once() -> None:
    cleanup.claim("20260101-000000-live")
    with pytest.raises(OSError, match="not empty"):
        cleanup.claim("20260101-000000-live")
    assert cleanup.reap() == ([], [])


def test_a_symlink_in_place_of_the_folder_is_refused(temporary: Path) -> None:
    (temporary / "elsewhere").mkdir()
    (temporary / f"votecheck-{os.getuid()}").symlink_to(temporary / "elsewhere")
    with pytest.raises(TargetUnavailable, match="is not a folder of this user"):
        cleanup.base()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused_and_left_unchanged(temporary: Path) -> None:
    folder = temporary / f"votecheck-{os.getuid()}"
    (folder / "run").mkdir(parents=True)
    os.chown(folder, 65534, 65534)
    before = folder.stat()
    with pytest.raises(TargetUnavailable, match="another user created it"):
        cleanup.reap()
    assert (folder / "run").is_dir()
    assert folder.stat() == before


def test_a_note_of_a_dead_run_is_given_to_its_remover_once(orphaned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []

    def remove(note: str, /) -> list[str]:
        notes.append(note)
        return ["namespace votecheck-dead-data still exists"]

    monkeypatch.setattr(cleanup, "_removers", {cleanup.RELEASE_FILE: remove})
    (orphaned / cleanup.RELEASE_FILE).write_text('{"name": "votecheck-dead"}')
    assert cleanup.reap() == ([orphaned.name], ["namespace votecheck-dead-data still exists"])
    assert cleanup.reap() == ([], [])
    assert notes == ['{"name": "votecheck-dead"}']


def test_a_note_without_a_remover_is_a_leftover(orphaned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "_removers", {})
    (orphaned / cleanup.RELEASE_FILE).write_text('{"name": "votecheck-dead"}')
    (_, (problem,)) = cleanup.reap()
    assert "this program cannot remove what it describes" in problem
    assert "votecheck-dead" in problem
