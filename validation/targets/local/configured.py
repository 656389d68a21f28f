"""A Valkey and a PostgreSQL that start with the command of a container, so that what the command sets can be read back."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from validation.core.errors import ProbeError
from validation.targets import cleanup
from validation.targets.local import servers
from validation.targets.process import Child

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
OPTION = re.compile(r"(?:--)?([a-z_]+)=(.*)", re.DOTALL)
VOLUME = "/data"
"""Where the container's volume is mounted."""
LIMITED = {name: value for name, value in servers.POSTGRES_SETTINGS.items() if name != "max_connections"}
"""What this machine needs, whatever the container's command says."""


def redis(folder: Path, port: int, command: Sequence[str], password: str, run: str) -> Child:
    """Prepare a Valkey that starts as a container's command starts `redis-server`, except for port, address and volume.

    Args:
        folder: its own folder. Data and programs are below it, and a second start finds them.
        port: where it listens, on 127.0.0.1.
        command: command and arguments of the container.
        password: the container's REDISCLI_AUTH.
        run: the name of the run, by which cleanup finds the process.
    """
    programs, data = folder / "programs", folder / "data"
    programs.mkdir(parents=True, exist_ok=True)
    data.mkdir(exist_ok=True)
    wrapper = programs / "redis-server"
    own = shlex.join(["--port", str(port), "--bind", "127.0.0.1"])
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(str(servers.valkey_program()))} "$@" {own}\n', encoding="utf-8")
    wrapper.chmod(0o755)
    words = [re.sub(rf"(?<![\w/.-]){VOLUME}(?![\w.-])", str(data), word) for word in command]
    return Child("redis-as-configured", words, folder, data, env={
        "REDISCLI_AUTH": password, "PATH": f"{programs}:{SYSTEM_PATH}", cleanup.MARK: run,
    })  # fmt: skip


def postgres(folder: Path, port: int, command: Sequence[str], run: str) -> Child:
    """Prepare a PostgreSQL with the settings in a container's command, which is empty or begins with `postgres`.

    Args:
        folder: its own folder.
        port: where it listens, on 127.0.0.1.
        command: command and arguments of the container.
        run: the name of the run, by which cleanup finds the process.

    Raises:
        ProbeError: the command is something else, so that its effect is unknown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    child = servers.postgres(folder, port, {**_settings(command), **LIMITED})
    child.env = {**child.env, cleanup.MARK: run}
    return child


def _settings(command: Sequence[str]) -> Mapping[str, str]:
    words = [word for word in command[1:] if word != "-c"]
    found = [OPTION.fullmatch(word) for word in words]
    if (command and command[0] != "postgres") or not all(found):
        raise ProbeError(
            f"The command of PostgreSQL is {shlex.join(command)}: which settings it starts with is not known.",
            "settings belong into `-c name=value`",
        )
    return {one[1]: one[2] for one in found if one}
