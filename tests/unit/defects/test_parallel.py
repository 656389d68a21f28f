"""An interrupted command leaves no process and no folder."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from validation.defects import parallel
from validation.defects.parallel import jobs

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
WILLING = "import time; print('on', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(parallel, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(parallel, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr("validation.targets.cleanup.reap", lambda: ([], []))
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


def ended(program: str, folder: Path, number: int) -> int:
    """Run a program with a folder of its own, and return its exit code."""
    own = folder / str(number)
    own.mkdir()
    try:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert child.stdout
        child.stdout.readline()
        (own / "begun").touch()
        with child:
            return child.wait()
    finally:
        (own / "begun").unlink()
        own.rmdir()


@pytest.mark.parametrize("program", [WILLING, STUBBORN], ids=["ends on SIGTERM", "ignores SIGTERM"])
def test_an_interruption_ends_processes_removes_their_folders_and_starts_no_other(program: str, tmp_path: Path) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return ended(program, tmp_path, number)

    def interrupted() -> None:
        with jobs([lambda n=n: work(n) for n in range(4)], 2):  # type: ignore[misc]
            while len(list(tmp_path.glob("*/begun"))) < 2:
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert begun == [0, 1]
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_starts_after_the_interruption_ends_too(tmp_path: Path) -> None:
    go = threading.Event()

    def late() -> int:
        go.wait(30)
        return ended(WILLING, tmp_path, 0)

    def interrupted() -> None:
        with jobs([late], 1):
            threading.Timer(0.4, go.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_one_job_ends_the_others(tmp_path: Path) -> None:
    def fails() -> int:
        raise ValueError("of its own")

    def first_failure() -> None:
        with jobs([fails, lambda: ended(WILLING, tmp_path, 0)], 2) as coming:
            coming[0].result()

    with pytest.raises(ValueError, match="of its own"):
        first_failure()
    assert list(tmp_path.iterdir()) == []


def test_a_second_interruption_does_not_cut_the_cleanup_short(tmp_path: Path) -> None:
    def interrupted() -> None:
        with jobs([lambda: ended(STUBBORN, tmp_path, 0)], 1):
            while not list(tmp_path.glob("*/begun")):
                time.sleep(0.01)
            threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_jobs_return_their_results() -> None:
    with jobs([lambda: 1, lambda: 2], 1) as coming:
        assert [one.result() for one in coming] == [1, 2]
