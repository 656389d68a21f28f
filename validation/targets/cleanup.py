"""The reaper: everything that a run starts carries the run's mark, so that it can be found and ended even after a `kill -9` of the harness.

A run owns one folder under `<temporary>/votecheck-<uid>/` and writes there who it is. Its processes carry `VOTECHECK_RUN=<run>` in
their environment, or work in the folder, or have it in their command line; its containers, networks and volumes carry the label
`votecheck.run=<run>`. The next run ends what runs that are no longer alive have left.
"""

import json
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import psutil

from validation.core.errors import TargetUnavailable
from validation.images.engines import Engine

MARK = "VOTECHECK_RUN"
LABEL = "votecheck.run"
ENGINE_FILE = "engine"
RELEASE_FILE = "release.json"
T = TypeVar("T")
BIRTH_SECONDS = 60.0
_GENTLE_SECONDS, _HARD_SECONDS = 4.0, 3.0


def base() -> Path:
    """Make and give this user's folder for runs.

    Raises:
        TargetUnavailable: somebody else owns it.
    """
    folder = Path(tempfile.gettempdir()) / f"votecheck-{os.getuid()}"
    folder.mkdir(mode=0o711, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise TargetUnavailable(f"{folder} is not a folder of this user.", "somebody else made it", f"TMPDIR=… or remove {folder}")
    return folder


def claim(run: str) -> Path:
    """Make the folder of a run, in which it is said from the first moment on which process owns it."""
    folder, unborn = base() / run, base() / f".{run}"
    unborn.mkdir(mode=0o711)
    me = psutil.Process()
    (unborn / "owner.json").write_text(json.dumps({"pid": me.pid, "created": me.create_time()}), encoding="utf-8")
    return unborn.rename(folder)


def release(folder: Path) -> list[str]:
    """End every process of a run and remove its folder; tell what is left, in words for the report."""
    left = [*_release_containers(folder), *_remove_release(folder)]
    left += [f"process {p.pid} ({_command(p)}) could not be ended" for p in _end(list(_processes(folder)))]
    errors: list[str] = []

    def failed(_call: object, path: str, info: tuple[object, BaseException, object]) -> None:
        if not isinstance(info[1], FileNotFoundError):  # another harness may be cleaning up at the same moment
            errors.append(f"{path} could not be removed: {info[1]}")

    shutil.rmtree(folder, onerror=failed)
    return left + errors[:3]


def remember_engine(folder: Path, name: str) -> None:
    """Note which engine runs containers for a run, so that they can be found even after a `kill -9` of the harness."""
    (folder / ENGINE_FILE).write_text(name, encoding="utf-8")


def _release_containers(folder: Path) -> list[str]:
    """Remove what an engine keeps for a run, and nothing without its label; tell what is left."""
    try:
        engine = Engine((folder / ENGINE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    left = []
    for kind, every, remove in (
        ("container", ("ps", "--all", "--quiet"), ("rm", "--force")),
        ("network", ("network", "ls", "--quiet"), ("network", "rm")),
        ("volume", ("volume", "ls", "--quiet"), ("volume", "rm", "--force")),
    ):
        found = engine.ask(*every, "--filter", f"label={LABEL}={folder.name}")
        if found.returncode:
            left.append(f"{kind}s: {engine.name} does not tell which there are: {found.stderr.strip()[-100:]}")
        elif found.stdout.split():
            if kind == "container":
                engine.ask("kill", *found.stdout.split())  # an engine may wait for a container that does not listen
            removed = engine.ask(*remove, *found.stdout.split())
            left += [f"{kind}: {removed.stderr.strip()[-200:]}"] if removed.returncode else []
    return left


def remember_release(folder: Path, told: Mapping[str, str]) -> None:
    """Note what a run installs in which cluster, so that it can be removed even after a `kill -9` of the harness."""
    (folder / RELEASE_FILE).write_text(json.dumps(dict(told)), encoding="utf-8")


def _remove_release(folder: Path) -> list[str]:
    """Have what a run installed in a cluster removed; tell what is left."""
    file = folder / RELEASE_FILE
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:  # there was none, or another harness is cleaning up at the same moment
        return []
    from validation.targets.cluster.removal import remove  # noqa: PLC0415 - a cluster's client takes a second to import

    left = remove(**told)
    file.unlink(missing_ok=True)
    return left


def reap() -> tuple[list[str], list[str]]:
    """Clean up after runs whose owner is gone.

    Returns:
        The runs that were cleaned, and what could not be.
    """
    cleaned, problems = [], []
    for folder in sorted(base().iterdir()):
        if folder.is_dir() and not _unborn(folder) and not _owned(folder):
            problems += release(folder)
            cleaned.append(folder.name)
    return cleaned, problems


def _unborn(folder: Path) -> bool:
    try:
        return folder.name.startswith(".") and time.time() - folder.stat().st_mtime < BIRTH_SECONDS
    except FileNotFoundError:
        return False


def _owned(folder: Path) -> bool:
    try:
        owner = json.loads((folder / "owner.json").read_text(encoding="utf-8"))
        return bool(abs(psutil.Process(owner["pid"]).create_time() - owner["created"]) < 1)
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return False


def _processes(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if process.pid != os.getpid() and (_marked(process, folder.name) or _works_in(process, folder) or str(folder) in _command(process)):
            yield process


def _marked(process: psutil.Process, run: str) -> bool:
    return _ask(lambda: process.environ().get(MARK) == run, default=False)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Valkey and PostgreSQL write their titles over their environment; their working directory stays."""
    return _ask(lambda: folder in Path(process.cwd()).parents, default=False)


def _command(process: psutil.Process) -> str:
    return _ask(lambda: " ".join(process.cmdline()), default="")


def _ask(question: Callable[[], T], *, default: T) -> T:
    try:
        return question()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return default


def _end(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Ask, then insist. PostgreSQL takes SIGTERM as «wait for the clients», so it gets SIGQUIT, which ends it and frees its memory."""
    for process in processes:
        _signal(process, signal.SIGCONT)  # a paused process hears nothing else
        _signal(process, signal.SIGQUIT if "postgres" in _ask(process.name, default="") else signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=_GENTLE_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    return psutil.wait_procs(alive, timeout=_HARD_SECONDS)[1]


def _signal(process: psutil.Process, number: int) -> None:
    _ask(lambda: process.send_signal(number), default=None)
