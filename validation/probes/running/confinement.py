"""Read how a running container is confined, from inside, with a program that the container's own Python runs."""

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
"""Runs a command in the container, as `Child.ask` does."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The confinement of a container's first process.

    Attributes:
        uids, gids: real, effective, saved and file system ids.
        groups: supplementary groups.
        capabilities: the five capability sets, in hexadecimal.
        no_new_privileges: whether the process and its children are barred from gaining privileges.
        seccomp: 0 off, 1 strict, 2 filter.
        root_options: mount options of `/`.
        writable: the tried folders in which a file could be created.
        shells: the shells that ran.
        memory, processes: limits of the control group: bytes, a number, `max` or `unknown`.
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
    """Return the confinement of a container.

    Raises:
        ProbeError: the container's Python did not run the program.
    """
    told = _run(ask, _LOOK)
    named: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Confined(**named)


def imports(ask: Ask) -> dict[str, str]:
    """Import every module of the system inside the container. Return the error of each module, or an empty string.

    Raises:
        ProbeError: the container's Python did not run the program.
    """
    return _run(ask, _IMPORT)


def _run(ask: Ask, program: str) -> dict[str, Any]:
    done = ask("python", "-c", program, within=LOOK_SECONDS)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ProbeError(f"Cannot inspect a container from inside: {(done.stderr or done.stdout).strip()[-300:]}") from None
    return told
