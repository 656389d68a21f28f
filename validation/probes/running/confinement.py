"""How a running container is confined, seen from inside: by a program of ours that its own Python runs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from validation.core.errors import ProbeError

if TYPE_CHECKING:
    import subprocess

LOOK_SECONDS = 60.0
FOLDERS = ("/", "/app", "/app/system", "/etc", "/usr/bin", "/var", "/home", "/root", "/run", "/var/tmp", "/dev/shm", "/tmp")  # noqa: S108
SHELLS = ("sh", "bash", "dash", "ash", "busybox")

_LOOK = f"""
import json, os, subprocess, tempfile
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
root = [line.split() for line in open("/proc/1/mountinfo") if line.split()[4] == "/"][-1]
def writable(folder):
    try:
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle), os.unlink(name)
    except OSError:
        return False
    return True
def runs(shell):
    try:
        return subprocess.run([shell, "-c", "exit 0"], stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False
def limit(*files):
    for file in files:
        try:
            return open("/sys/fs/cgroup/" + file).read().strip()
        except OSError:
            continue
    return "unknown"
print(json.dumps({{
    "uids": status["Uid"].split(), "gids": status["Gid"].split(), "groups": status["Groups"].split(),
    "capabilities": {{name: status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}},
    "no_new_privileges": status["NoNewPrivs"].strip() == "1", "seccomp": status.get("Seccomp", "unknown").strip(),
    "root_options": root[5].split(","), "writable": [f for f in {FOLDERS!r} if os.path.isdir(f) and writable(f)],
    "shells": [s for s in {SHELLS!r} if runs(s)],
    "memory": limit("memory.max", "memory/memory.limit_in_bytes"), "processes": limit("pids.max", "pids/pids.max"),
}}))
"""

_IMPORT = """
import importlib, json, pathlib
told = {}
for file in sorted(pathlib.Path("/app/system").rglob("*.py")):
    name = ".".join(file.relative_to("/app").with_suffix("").parts).removesuffix(".__init__")
    if name.endswith((".__main__", ".migrations.env")):  # run by python -m and by alembic
        continue
    try:
        importlib.import_module(name)
        told[name] = ""
    except BaseException as error:
        told[name] = f"{type(error).__name__}: {error}"
print(json.dumps(told))
"""

Ask = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs a command in the container: `Child.ask`."""


@dataclass(frozen=True, slots=True)
class Confined:
    """What holds for the first process of a container.

    Attributes:
        uids, gids: real, effective, saved and of the file system.
        groups: further groups.
        capabilities: the five sets, in hexadecimal.
        no_new_privileges: whether it and its children can gain none.
        seccomp: 0 off, 1 strict, 2 filter.
        root_options: of the mount of `/`.
        writable: folders in which a file could be made, of those that were tried.
        shells: those that ran.
        memory, processes: the limits of its control group: bytes, a number, `max` or `unknown`.
    """

    uids: tuple[str, ...]
    gids: tuple[str, ...]
    groups: tuple[str, ...]
    capabilities: dict[str, str]
    no_new_privileges: bool
    seccomp: str
    root_options: tuple[str, ...]
    writable: tuple[str, ...]
    shells: tuple[str, ...]
    memory: str
    processes: str


def look(ask: Ask) -> Confined:
    """Look at a container from inside.

    Raises:
        ProbeError: its Python does not run the program.
    """
    told = _run(ask, _LOOK)
    named: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Confined(**named)


def imports(ask: Ask) -> dict[str, str]:
    """Import every module that an image carries, where it ships. Gives what went wrong with each, or an empty text.

    Raises:
        ProbeError: its Python does not run the program.
    """
    return _run(ask, _IMPORT)


def _run(ask: Ask, program: str) -> dict[str, Any]:
    done = ask("python", "-c", program, within=LOOK_SECONDS)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ProbeError(f"A container could not be looked at from inside: {(done.stderr or done.stdout).strip()[-300:]}") from None
    return told
