"""Whatever happens to standard streams, files and the disk, the exit code is that of the record or 3, and 1 only for a NO-GO."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.record.subjects import SUBJECT
from validation.core.settings import PROJECT
from validation.record.events import Finished, Observed, Planned, RunFinished, RunStarted, Started, SubjectSeen
from validation.record.recorder import Recorder
from validation.registry.checkpoints import registry
from validation.report.write import write_all

SECONDS = 120.0
FULL = Path("/dev/full")


def votecheck(*words: str, redirect: str = "", **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run votecheck from a shell, so that its streams can be redirected."""
    options = {"capture_output": True, "text": True, "timeout": SECONDS, "cwd": PROJECT} | options
    shell = ["/bin/sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-m", "validation"]
    return subprocess.run([*shell, *words], check=False, **options)


@pytest.fixture
def reports(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Write the record of a run that is GO or NO-GO, and return the folder of reports."""

    def record(verdict: str) -> Path:
        recorder = Recorder(tmp_path / "reports" / "20261129-120000-abcd" / "results.jsonl")
        name, ok = "features/test_features.py::one", verdict == "GO"
        recorder.emit(
            RunStarted("20261129-120000-abcd", "local", "2026-11-29T12:00:00+00:00", list(registry()), [], {}, {}, [], subject=SUBJECT)
        )
        for checkpoint in registry().values():
            scenario = f"{name}-{checkpoint.id}"
            recorder.emit(Planned(scenario, "One", [checkpoint.id], "one.feature"))
            recorder.emit(Started(scenario, "One", [checkpoint.id], "one.feature"))
            recorder.emit(Observed(scenario, "Then", "status", "201", "201" if ok else "500", ok))
            recorder.emit(Finished(scenario, "passed" if ok else "failed", "", 0.1, "cluster"))
        recorder.emit(SubjectSeen(SUBJECT))
        recorder.emit(RunFinished(1.0))
        recorder.close()
        (tmp_path / "reports" / "latest").symlink_to("20261129-120000-abcd")
        return tmp_path / "reports"

    yield record
    shutil.rmtree(tmp_path, ignore_errors=True)


REDIRECTIONS = ["2>&-", ">&-", "</dev/null", "<&-", "2>/dev/full", ">&- 2>&- <&-", ">/dev/full"]


@pytest.fixture(scope="module")
def plain_exit_code(tmp_path_factory: pytest.TempPathFactory) -> int:
    return votecheck("run", "--checkpoint", "4.2", "--reports", str(tmp_path_factory.mktemp("plain"))).returncode


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("redirect", REDIRECTIONS)
def test_messages_that_cannot_be_written_do_not_change_the_exit_code(tmp_path: Path, redirect: str, plain_exit_code: int) -> None:
    ended = votecheck("run", "--checkpoint", "4.2", "--reports", str(tmp_path), redirect=redirect)
    assert ended.returncode == plain_exit_code
    assert (tmp_path / "latest" / "results.json").stat().st_size > 0


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_reader_that_is_gone_costs_the_data_and_nothing_else(tmp_path: Path, closed: str) -> None:
    read, write = os.pipe()
    os.close(read)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {closed: write}
    words = ["run", "--checkpoint", "4.2", "--json", "--reports", str(tmp_path)]
    ended = votecheck(*words, capture_output=False, **streams)
    os.close(write)
    plain = votecheck(*words[:-1], str(tmp_path / "plain"))
    assert ended.returncode == (3 if closed == "stdout" else plain.returncode)
    assert (tmp_path / "latest" / "results.json").stat().st_size > 0


DATA = [["list"], ["plan"], ["explain", "5.1"], ["--version"], ["--help"], ["run", "--help"], ["defects", "list"], ["diff", "latest"]]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("redirect", [">/dev/full", ">&-", ">/dev/full 2>/dev/full", ">&- 2>&-"])
@pytest.mark.parametrize("words", DATA, ids=" ".join)
def test_data_that_cannot_be_written_is_3(words: list[str], redirect: str, reports: Callable[[str], Path]) -> None:
    given = ["--reports", str(reports("GO"))] if words[0] == "diff" else []
    assert votecheck(*words, *given, redirect=redirect).returncode == 3


def limited(size: int) -> Callable[[], None]:
    """Return what limits the size of every file that a process writes, before it starts."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(("verdict", "code"), [("GO", 0), ("NO-GO", 0)])
def test_reports_are_whole_or_absent_whichever_write_fails(reports: Callable[[str], Path], verdict: str, code: int) -> None:
    folder = reports(verdict)
    assert votecheck("report", "--reports", str(folder)).returncode == code
    run = folder / "latest"
    whole = {file.name: file.read_bytes() for file in run.iterdir()}
    sizes = sorted(len(content) for name, content in whole.items() if name != "results.jsonl")
    for size in [0, 1, *(n + more for n in sizes for more in (-1, 0))]:
        for file in whole.keys() - {"results.jsonl"}:
            (run / file).unlink(missing_ok=True)
        ended = votecheck("report", "--reports", str(folder), preexec_fn=limited(size))
        assert ended.returncode == (code if size >= sizes[-1] else 3), (size, ended.stderr)
        assert {file.name: file.read_bytes() for file in run.iterdir()}.items() <= whole.items()


@pytest.mark.parametrize("size", [0, 100, 700, 2_000, 9_000, 40_000])
def test_a_run_whose_record_or_reports_do_not_fit_is_3_and_leaves_nothing(tmp_path: Path, size: int) -> None:
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    words = ["run", "--checkpoint", "5.1", "--reports", str(tmp_path / "reports")]
    ended = votecheck(*words, preexec_fn=limited(size), env=environment)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    assert [folder for folder in (tmp_path / "tmp").glob("votecheck-*/*") if folder.is_dir()] == []


def test_a_reports_folder_that_cannot_be_created_is_3(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(tmp_path.chmod, 0o755)
        tmp_path.chmod(0o555)
        where = tmp_path / "reports" if os.getuid() else Path("/proc/reports")  # root may write anywhere else
        ended = votecheck("run", "--checkpoint", "4.2", "--reports", str(where))
    assert ended.returncode == 3
    assert "Cannot write" in ended.stderr


def test_a_missing_temporary_folder_does_not_change_the_exit_code(tmp_path: Path) -> None:
    ended = votecheck("run", "--checkpoint", "5.3", "--reports", str(tmp_path), env=os.environ | {"TMPDIR": "/nowhere"})
    plain = votecheck("run", "--checkpoint", "5.3", "--reports", str(tmp_path))
    assert ended.returncode == plain.returncode


def test_a_pipeline_that_stops_reading_kills_nothing(tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m validation run --checkpoint 4.2 --reports "{tmp_path}" 2>&1; echo "code $?" >&3'
    ended = subprocess.run(["/bin/sh", "-c", f"({line}) 3>&2 | head -n 1"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert f"code {-signal.SIGPIPE}" not in ended.stderr
    assert "code 1\n" not in ended.stderr
    assert (tmp_path / "latest" / "results.json").stat().st_size > 0


RECORD_FAILS = """
import errno, os
from validation.record import recorder
writes, code, number = 0, {code}, {number}
class Failing:
    def __init__(self, file): self.file = file
    def __getattr__(self, name): return getattr(self.file, name)
    def write(self, line):
        global writes
        writes += 1
        if writes >= number: raise OSError(code, os.strerror(code))
        return self.file.write(line)
opened = recorder.Recorder.__init__
def failing(self, *arguments):
    opened(self, *arguments)
    self._file = Failing(self._file)
recorder.Recorder.__init__ = failing
from validation.__main__ import begin
begin()
"""


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("number", [1, 2, 5, 9])
def test_a_record_that_fails_at_any_write_is_3_and_reports_tell_it(tmp_path: Path, number: int, code: int) -> None:
    program = RECORD_FAILS.format(code=code, number=number)
    command = [sys.executable, "-c", program, "run", "--checkpoint", "4.2", "--reports", str(tmp_path)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ended.returncode == 3, ended.stderr
    assert os.strerror(code) in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
@pytest.mark.parametrize("verdict", ["GO", "NO-GO"])
def test_reports_that_fail_at_any_step_keep_a_no_go_and_never_invent_one(
    reports: Callable[[str], Path], verdict: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = reports(verdict) / "20261129-120000-abcd"
    whole = str(write_all(run).verdict)
    steps, failing_step = 0, 0

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == failing_step:
                raise OSError(code, os.strerror(code))
            return original(*arguments, **options)

        return step

    for owner, name in ((Path, "write_bytes"), (os, "replace"), (Path, "symlink_to")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    write_all(run)
    assert steps >= 8
    for failing_step in range(1, steps + 1):
        steps = 0
        written = write_all(run)
        assert written.verdict == (whole if verdict == "NO-GO" else "INCOMPLETE"), failing_step
        assert os.strerror(code) in str(written.harness_errors)
        assert written.exit_code == (1 if verdict == "NO-GO" else 3)
    assert not [file for file in run.iterdir() if file.name.startswith(".")]
