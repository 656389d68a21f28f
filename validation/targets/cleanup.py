"""Cleanup: everything that a run starts carries the run's mark, so that it can be found and removed even after a `kill -9` of the harness.

A run owns one folder under `<temporary>/votecheck-<uid>/` and locks a file there for as long as it lives. Its processes carry
`VOTECHECK_RUN=<run>` in their environment, work in the folder, or name it on their command line. Its containers, networks and volumes
carry the label `votecheck.run=<run>`. The next run removes what dead runs have left (`reap`).

What needs more than that, such as a release in a cluster, is noted in the run's folder before it is created. A remover registered for the
note's file name then removes it; the command line and the pytest plugin register the removers (`removers.register_all`).
"""

import fcntl
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import psutil

from validation.core import interruption
from validation.core.errors import TargetUnavailable
from validation.images.engines import Engine

MARK = "VOTECHECK_RUN"
LABEL = "votecheck.run"
OWNER_FILE = "owner"
"""Locked by the run's process. The kernel unlocks it when that process ends, however it ends, and a step of the clock changes nothing."""
ENGINE_FILE = "engine"
RELEASE_FILE = "release.json"
MODE = 0o711
"""Mode of the folders, set whatever the umask: the user that PostgreSQL runs as passes through, and nobody lists them."""
T = TypeVar("T")
CLAIM_SECONDS = 60.0
"""A folder that is still being claimed after this time belongs to a dead run."""
_TERMINATE_SECONDS, _KILL_SECONDS = 4.0, 3.0


class Remover(Protocol):
    """Removes what a run noted in its folder."""

    def __call__(self, note: str, /) -> list[str]:
        """Remove what the note describes and return what is left."""


_removers: dict[str, Remover] = {}
_claimed: dict[Path, int] = {}
"""What this process claimed and did not release, each with the descriptor of its locked file."""


def register_remover(file: str, remover: Remover) -> None:
    """Have `remover` called with the text of `file` whenever the folder of a run that wrote this file is released."""
    _removers[file] = remover


def base() -> Path:
    """Create and return this user's folder for runs.

    Raises:
        TargetUnavailable: another user owns it.
    """
    folder = Path(tempfile.gettempdir()) / f"votecheck-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise TargetUnavailable(
            f"{folder} is not a folder of this user.", "another user created it", f"set TMPDIR to another folder, or remove {folder}"
        )
    folder.chmod(MODE)
    return folder


def claim(run: str) -> Path:
    """Create the folder of a run. It appears with its owner's lock already in it."""
    folder, draft = base() / run, base() / f".{run}"
    with interruption.Held():
        draft.mkdir()
        draft.chmod(MODE)
        owner = _claimed[draft] = os.open(draft / OWNER_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(owner, f"{os.getpid()}\n".encode())
        draft.rename(folder)
        _claimed[folder] = _claimed.pop(draft)
    return folder


def release(folder: Path) -> list[str]:
    """End every process of a run, remove what it noted and its folder, and return leftovers as text for the report."""
    left = [*_release_containers(folder), *_remove_noted(folder)]
    left += [f"process {p.pid} ({_command(p)}) could not be killed" for p in _end(list(_processes(folder)))]
    errors: list[str] = []

    def failed(_call: object, path: str, info: tuple[object, BaseException, object]) -> None:
        if not isinstance(info[1], FileNotFoundError):  # another run may be cleaning up at the same moment
            errors.append(f"{path} could not be removed: {info[1]}")

    shutil.rmtree(folder, onerror=failed)
    if folder in _claimed:
        os.close(_claimed.pop(folder))
    return left + errors[:3]


def release_own() -> list[str]:
    """Release what this process claimed and did not release, end the processes that it still has, and return leftovers.

    The last step of every command. An interruption can arrive between the creation of something and the code that would remove it.
    """
    children_expected = bool(_claimed) or interruption.received()
    left = [problem for folder in list(_claimed) for problem in release(folder)]
    children = psutil.Process().children(recursive=True) if children_expected else []
    return left + [f"process {p.pid} ({_command(p)}) could not be killed" for p in _end(children)]


def remember_engine(folder: Path, name: str) -> None:
    """Note which engine runs the containers of a run, so that a later run can find them."""
    (folder / ENGINE_FILE).write_text(name, encoding="utf-8")


def _release_containers(folder: Path) -> list[str]:
    """Remove the containers, networks and volumes that carry the run's label, and return what is left."""
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
            left.append(f"{kind}s: {engine.name} cannot list them: {found.stderr.strip()[-100:]}")
        elif found.stdout.split():
            if kind == "container":
                engine.ask("kill", *found.stdout.split())  # `rm` would wait for a container that ignores SIGTERM
            removed = engine.ask(*remove, *found.stdout.split())
            left += [f"{kind}: {removed.stderr.strip()[-200:]}"] if removed.returncode else []
    return left


def _remove_noted(folder: Path) -> list[str]:
    """Call the remover of each note in a run's folder and return what is left."""
    left = []
    for name in (RELEASE_FILE, *_removers.keys() - {RELEASE_FILE}):
        file = folder / name
        try:
            note = file.read_text(encoding="utf-8")
        except FileNotFoundError:  # nothing was noted, or another run is cleaning up at the same moment
            continue
        remover = _removers.get(name)
        left += remover(note) if remover else [f"{name} of run {folder.name}: this program cannot remove what it describes: {note}"]
        file.unlink(missing_ok=True)
    return left


def reap() -> tuple[list[str], list[str]]:
    """Clean up after runs whose owner is gone.

    Returns:
        The runs that were cleaned up, and what could not be removed.
    """
    cleaned, problems = [], []
    for folder in sorted(base().iterdir()):
        if folder.is_dir() and not _being_claimed(folder) and not _owned(folder):
            problems += release(folder)
            cleaned.append(folder.name)
    return cleaned, problems


def _being_claimed(folder: Path) -> bool:
    try:
        return folder.name.startswith(".") and time.time() - folder.stat().st_mtime < CLAIM_SECONDS
    except FileNotFoundError:
        return False


def _owned(folder: Path) -> bool:
    try:
        with (folder / OWNER_FILE).open(encoding="utf-8") as owner:
            fcntl.flock(owner, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _processes(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if process.pid != os.getpid() and (
            _is_marked(process, folder.name) or _works_in(process, folder) or str(folder) in _command(process)
        ):
            yield process


def _is_marked(process: psutil.Process, run: str) -> bool:
    return _ask(lambda: process.environ().get(MARK) == run, default=False)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Return whether a process works in the folder. Valkey and PostgreSQL overwrite their environment with their title."""
    return _ask(lambda: Path(process.cwd()).is_relative_to(folder), default=False)


def _command(process: psutil.Process) -> str:
    return _ask(lambda: " ".join(process.cmdline()), default="")


def _ask(question: Callable[[], T], *, default: T) -> T:
    """Return the answer about a process, or the default if the process is gone or off limits."""
    try:
        return question()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return default


def _end(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Terminate, then kill; return what survived. PostgreSQL waits for its clients on SIGTERM, so it gets SIGQUIT instead."""
    for process in processes:
        _signal(process, signal.SIGCONT)  # a stopped process handles no other signal
        _signal(process, signal.SIGQUIT if "postgres" in _ask(process.name, default="") else signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=_TERMINATE_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    return psutil.wait_procs(alive, timeout=_KILL_SECONDS)[1]


def _signal(process: psutil.Process, number: int) -> None:
    _ask(lambda: process.send_signal(number), default=None)
