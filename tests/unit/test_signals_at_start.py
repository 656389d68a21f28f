"""SIGTERM during the first moments, as the first process of a container: the kernel discards a signal that has no handler yet."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.servers import free_port

ENTRY_POINTS = {"system.api": 0, "system.consumer": 0, "system.db.migrate": 143, "system.db.reconcile": 143}
"""What runs as the first process of a container, and its exit code after SIGTERM during the start."""
NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child"]
FIRST_LIBRARIES = ("pydantic_core", "asyncpg", "hiredis", "sqlalchemy")
"""Extensions of the libraries that each entry point imports; whichever is mapped shows that the imports have begun."""
SIGTERM_BIT = 1 << (signal.SIGTERM - 1)


@contextlib.contextmanager
def first_process(module: str, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", psutil.Process]]:
    """Start an entry point as process 1 of a PID namespace, and yield its launcher and the process."""
    silent = socket.create_server(("127.0.0.1", 0))  # a database that accepts connections and never answers
    if subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("PID namespaces cannot be made here")
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "API_PORT": str(free_port()),
        "REDIS_URL": "redis://127.0.0.1:1",
        "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres",
        "HEARTBEAT_FILE": str(tmp_path / "heartbeat"),
    }
    launcher = subprocess.Popen([*NAMESPACE, sys.executable, "-m", module], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 5
        while not (children := psutil.Process(launcher.pid).children()):
            assert time.monotonic() < end
        yield launcher, children[0]
    finally:
        launcher.kill()
        launcher.wait()
        silent.close()


def wait_for_handler(pid: int) -> None:
    """Wait until the process handles SIGTERM."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError):  # it ended without ever handling the signal
            status = Path(f"/proc/{pid}/status").read_text()
            if int(status.partition("SigCgt:")[2].split()[0], 16) & SIGTERM_BIT:
                return
    raise AssertionError("SIGTERM is never handled")


@pytest.mark.parametrize("module", ENTRY_POINTS)
def test_the_handler_comes_before_the_libraries(module: str, tmp_path: Path) -> None:
    for _ in range(3):  # a busy machine may look too late
        with first_process(module, tmp_path) as (_, process):
            wait_for_handler(process.pid)
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            loaded = [name for name in FIRST_LIBRARIES if name in maps]
        if not loaded:
            return
    assert loaded == []


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.4, 1.5])
@pytest.mark.parametrize(("module", "code"), ENTRY_POINTS.items())
def test_sigterm_during_the_start_ends_the_first_process(module: str, code: int, delay: float, tmp_path: Path) -> None:
    with first_process(module, tmp_path) as (launcher, process):
        wait_for_handler(process.pid)
        time.sleep(delay)
        process.terminate()
        assert launcher.wait(timeout=5) == code
