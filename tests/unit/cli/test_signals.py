"""A signal at any moment: the exit code is 130, and no process, folder or socket is left. A second signal changes nothing."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import psutil
import pytest

from validation.core.settings import PROJECT
from validation.core.waiting import eventually

SECONDS = 120.0
SEED = 20261129
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
COMMANDS = {
    "run": (["run", "--checkpoint", "5.1", "--reports", "{reports}"], 5.0),
    "load": (["load", "baseline", "--rate", "50", "--seconds", "5", "--reports", "{reports}"], 6.0),
    "up": (["up", "--port", "18437"], 4.0),
    "defects": (["defects", "run", "--defect", "D13", "--reports", "{reports}"], 3.0),
}


def cases() -> Iterator[tuple[str, signal.Signals, float, float]]:
    """Yield a command, a signal, when it is sent, and when it is sent again."""
    draw = random.Random(SEED)  # noqa: S311 - moments, not secrets
    for command, (_, longest) in COMMANDS.items():
        for number in SIGNALS:
            yield command, number, round(draw.uniform(0.0, longest), 2), round(draw.uniform(0.0, 0.5), 2)


def wait_for_first_statement(process: int) -> None:
    """Wait until a process handles SIGHUP. Before that, a signal ends the Python interpreter itself; nothing has begun by then."""

    def caught() -> int:
        status = Path(f"/proc/{process}/status").read_text()
        return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))

    assert eventually(caught, lambda signals: signals >> (signal.SIGHUP - 1) & 1 == 1, within=SECONDS, every=0.001).held


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A folder for TMPDIR that PostgreSQL can enter, although it runs as another user."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    for one in (folder, *takewhile(lambda parent: parent != Path(tempfile.gettempdir()), folder.parents)):
        one.chmod(0o755)
    return folder


def of_this(temporary: Path) -> list[str]:
    """Return the processes that were started with this temporary folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(temporary) in " ".join(process.cmdline()) or process.environ().get("TMPDIR") == str(temporary):
                found.append(f"{process.pid} {process.name()}")
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize(("command", "number", "at", "again"), list(cases()))
def test_a_signal_at_any_moment_is_130_and_leaves_nothing(
    command: str, number: signal.Signals, at: float, again: float, temporary: Path
) -> None:
    words = [word.format(reports=temporary.parent / "reports") for word in COMMANDS[command][0]]
    child = subprocess.Popen(
        [sys.executable, "-m", "validation", *words], cwd=PROJECT, env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_first_statement(child.pid)
    time.sleep(at)
    child.send_signal(number)
    time.sleep(again)
    child.send_signal(number)
    _, said = child.communicate(timeout=SECONDS)
    assert child.returncode == 130, said
    assert "Traceback" not in said
    assert of_this(temporary) == []
    assert list(temporary.glob("votecheck-*/*")) == []


def test_a_terminal_that_is_gone_ends_the_run_and_leaves_nothing(temporary: Path, tmp_path: Path) -> None:
    terminal, end = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "validation", "run", "--checkpoint", "5.1", "--reports", str(tmp_path / "reports")],
        cwd=PROJECT, env=os.environ | {"TMPDIR": str(temporary), "CI": "1"}, stdin=end, stdout=end, stderr=end,
    )  # fmt: skip
    os.close(end)
    logs = eventually(lambda: list(temporary.glob("votecheck-*/*/postgres.*.log")), bool, within=SECONDS)
    assert logs.held, "PostgreSQL did not start"
    os.close(terminal)
    child.send_signal(signal.SIGHUP)
    assert child.wait(SECONDS) == 130
    assert of_this(temporary) == []
    assert list(temporary.glob("votecheck-*/*")) == []
