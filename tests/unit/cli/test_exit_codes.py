"""Each exit code of `votecheck run`, by the real command.

0 GO, 1 NO-GO, 2 wrong usage, 3 INCOMPLETE or harness error, 4 PARTIAL, 130 interrupted.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.servers import free_port, postgres
from validation.core.settings import PROJECT
from validation.core.waiting import eventually
from validation.registry.checkpoints import registry
from validation.targets import cleanup

SECONDS = 120.0


def run(reports: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "validation", "run", "--reports", str(reports), *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)


def is_clear(ended: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in ended.stderr


@pytest.fixture
def broken_chart(tmp_path: Path) -> Path:
    """A copy of the project whose chart names the consumer after the wrong field."""
    for folder in ("system", "chart"):
        shutil.copytree(PROJECT / folder, tmp_path / "source" / folder)
    template = tmp_path / "source" / "chart" / "templates" / "consumer.yaml"
    text = template.read_text()
    template.write_text(text.replace("fieldPath: metadata.name", "fieldPath: metadata.uid"))
    assert template.read_text() != text
    return tmp_path / "source"


WHOLE_RUN = """
import validation.pytest_plugin.execution as execution
from validation.record.events import Finished, Observed, RunFinished, Started, SubjectSeen
from validation.record.runs import open_record
from validation.record.subject import read_subject

def passes(settings, scope, waivers, listeners, proofs, last_release):
    record = open_record(settings, [one.id for one in scope], waivers, listeners, proofs)
    for one in scope:
        for level in one.needs:
            name = f"{one.id} {level}"
            record.emit(Started(name, name, [one.id], "a.feature"))
            record.emit(Observed(name, "Then it is right", "colour", "green", "green", True))
            record.emit(Finished(name, "passed", "", 0.1, level))
    record.emit(SubjectSeen(read_subject(settings.source, settings.source)))
    record.emit(RunFinished(1.0))
    record.close()

execution.execute = passes
import validation.targets.preflight as cluster
import contextlib
def without_one(settings):
    settings.folder.mkdir(parents=True)
    return contextlib.nullcontext("")
cluster.preflight = without_one
import validation.__main__
validation.__main__.start()
"""
"""`votecheck run` in which every scenario passes at every level. A real one needs a cluster and takes minutes."""


def test_go_is_0(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WHOLE_RUN, "run", "--target", "cluster", "--json", "--reports", str(tmp_path)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ended.returncode, json.loads(ended.stdout)["verdict"]) == (0, "GO"), ended.stderr
    is_clear(ended, " GO ", f"All {len(registry())} checkpoints passed: this release is cleared.")


def test_partial_is_4_unless_it_is_accepted(tmp_path: Path) -> None:
    ended = run(tmp_path, "--checkpoint", "4.2", "--json")
    assert ended.returncode == 4
    assert json.loads(ended.stdout)["verdict"] == "PARTIAL"
    is_clear(ended, "PARTIAL", f"1 of {len(registry())} checkpoints", "not cleared")
    assert " GO" not in ended.stderr
    accepted = run(tmp_path, "--checkpoint", "4.2", "--quick", "--accept-incomplete")
    assert accepted.returncode == 0
    is_clear(accepted, "PARTIAL", "Quick run", "--accept-incomplete", "not cleared")
    assert " GO" not in accepted.stderr


def test_no_go_is_1_and_names_the_checkpoint(tmp_path: Path, broken_chart: Path) -> None:
    ended = run(tmp_path / "reports", "--checkpoint", "4.2", "--source", str(broken_chart), "--accept-incomplete")
    assert ended.returncode == 1
    is_clear(ended, "NO-GO", "4.2", "expected", "observed", "metadata.uid", "votecheck run --checkpoint 4.2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frob"], ["--frob"]),
        (["--checkpoint", "9.9"], ["9.9", "votecheck list"]),
        (["--phase", "12"], ["12", "1 to 8"]),
        (["--target", "moon"], ["moon", "local"]),
        (["--api-url", "ftp://x"], ["--api-url", "http"]),
        (["--waivers", "no-such-file.toml"], ["no-such-file.toml"]),
    ],
)
def test_wrong_usage_is_2_with_one_message(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    is_clear(ended, *words)


def test_incomplete_is_3_unless_it_is_accepted(tmp_path: Path) -> None:
    ended = run(tmp_path, "--checkpoint", "2.5")
    assert ended.returncode == 3
    is_clear(ended, "INCOMPLETE", "votecheck run --checkpoint 2.5", "--target containers")
    accepted = run(tmp_path, "--checkpoint", "2.5", "--accept-incomplete")
    assert accepted.returncode == 0
    is_clear(accepted, "INCOMPLETE")


def test_a_harness_error_is_3_and_cannot_be_accepted(tmp_path: Path) -> None:
    (tmp_path / "source" / "system").mkdir(parents=True)  # without a chart
    ended = run(tmp_path / "reports", "--checkpoint", "4.2", "--source", str(tmp_path / "source"), "--accept-incomplete")
    assert ended.returncode == 3
    is_clear(ended, "INCOMPLETE", "helm cannot read the chart")


def test_a_half_installed_environment_is_3_and_names_the_next_command(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-m", "validation", "run", "--reports", str(tmp_path)]  # without site-packages
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ended.returncode == 3
    is_clear(ended, "is not installed", "make clean setup")


@pytest.mark.parametrize(("option", "scheme"), [("--api-url", "http"), ("--redis-url", "redis"), ("--database-url", "postgresql")])
def test_a_server_that_does_not_answer_is_3_with_the_next_command(tmp_path: Path, option: str, scheme: str) -> None:
    ended = run(tmp_path, "--checkpoint", "5.3", option, f"{scheme}://u:hidden@127.0.0.1:{free_port()}/x")
    assert ended.returncode == 3
    is_clear(ended, "127.0.0.1", "Likely cause:", "Try:")
    assert "hidden" not in ended.stderr


def test_a_database_without_the_schema_is_3_and_stays_without(tmp_path: Path) -> None:
    with postgres() as server:
        ended = run(tmp_path, "--checkpoint", "5.3", "--database-url", server.url)
    assert ended.returncode == 3
    is_clear(ended, "has no table vote_ledger, votes", "system.db.migrate")


def test_reports_that_cannot_be_written_are_3(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file is in the way")
    ended = run(tmp_path / "reports", "--checkpoint", "4.2")
    assert ended.returncode == 3
    is_clear(ended, "reports")


def test_an_external_api_is_validated_and_keeps_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "validation", "up", "--port", str(free_port())]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as theirs:
        assert theirs.stderr is not None
        url = theirs.stderr.readline().split()[-1]
        good = run(tmp_path / "good", "--checkpoint", "5.3", "--scenario", "An allowed origin", "--api-url", url)
        out_of_reach = run(tmp_path / "out", "--checkpoint", "2.1,5.1,6.1", "--api-url", url)
        assert theirs.poll() is None
        theirs.terminate()
        theirs.communicate(timeout=SECONDS)
    assert good.returncode == 4, good.stderr
    assert out_of_reach.returncode == 3
    is_clear(out_of_reach, "external", "no --redis-url was given")
    assert "harness failed" not in out_of_reach.stderr


@pytest.fixture
def midway(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run whose target is up."""
    command = [sys.executable, "-m", "validation", "run", "--checkpoint", "6.3", "--reports", str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        started = eventually(lambda: list(of_runs(process.pid)), lambda names: "valkey-server" in names, within=SECONDS)
        assert started.held, started.story
        yield process
        process.kill()


def of_runs(owner: int) -> Iterator[str]:
    """Yield the names of the processes that a running harness has started."""
    for process in psutil.Process(owner).children(recursive=True):
        try:
            yield process.name()
        except psutil.NoSuchProcess:
            continue


def left(folders: set[Path]) -> list[str]:
    """Return what runs left behind: processes marked with one of these folders, and the folders themselves."""
    marked = [f"process {p.pid}" for folder in folders for p in cleanup._processes(folder)]
    return marked + [str(folder) for folder in folders if folder.exists()]


def folders_of(owner: int) -> set[Path]:
    return {f.parent for f in cleanup.base().glob(f"*/{cleanup.OWNER_FILE}") if f.read_text() == f"{owner}\n"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_130_and_leaves_nothing(midway: subprocess.Popen[str], number: signal.Signals) -> None:
    mine = folders_of(midway.pid)
    assert mine
    midway.send_signal(number)
    _, said = midway.communicate(timeout=SECONDS)
    assert midway.returncode == 130, said
    assert "Traceback" not in said
    assert left(mine) == []


def test_the_next_run_removes_what_a_killed_run_left(midway: subprocess.Popen[str], tmp_path: Path) -> None:
    mine = folders_of(midway.pid)
    midway.kill()
    midway.wait(SECONDS)
    assert len(left(mine)) > 1, "a server and the folder of the killed run are still there"
    ended = run(tmp_path, "--checkpoint", "4.2")
    assert ended.returncode == 4, ended.stderr
    assert left(mine) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root could change files of other users")
def test_a_run_as_root_changes_no_mode_and_no_owner(tmp_path: Path) -> None:
    watched = [Path(sys.prefix), *Path(sys.prefix).resolve().parents, PROJECT / "system", cleanup.base().parent]
    before = [(p, p.stat().st_mode, p.stat().st_uid, p.stat().st_gid) for p in watched]
    tmp_path.chmod(0o700)
    assert run(tmp_path, "--checkpoint", "B1").returncode == 4
    assert [(p, p.stat().st_mode, p.stat().st_uid, p.stat().st_gid) for p in watched] == before


STARTED = "import validation.__main__ as command, validation.cli.main as cli, os, signal; "


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise KeyboardInterrupt", 3),
        ("raise SystemExit(1)", 3),
        ("raise MemoryError", 3),
        ("raise OSError(28, 'No space left on device')", 3),
        ("return 1", 1),
        ("os.kill(os.getpid(), signal.SIGTERM); return 0", 130),
        ("\n  try: os.kill(os.getpid(), signal.SIGHUP)\n  except KeyboardInterrupt: pass\n  return 1", 130),
        ("\n  try: os.kill(os.getpid(), signal.SIGINT)\n  finally: raise OSError(28, 'No space left on device')", 130),
    ],
)
def test_only_a_command_itself_can_exit_with_1_and_an_interruption_is_never_forgotten(program: str, code: int) -> None:
    program = f"{STARTED}\ndef main():\n  {program}\ncli.main = main\ncommand.begin()"
    ended = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ended.returncode == code, ended.stderr
