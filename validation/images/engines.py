"""The container engine of this machine: the first that answers. A name on PATH is not an engine, a client without a daemon is none."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from validation.core.errors import TargetUnavailable

ENGINES = ("podman", "docker")
"""They build, keep and run images."""
BUILDERS = (*ENGINES, "buildah")
"""They build images; buildah's lie in podman's store."""
ASKED_SECONDS = 10.0
RUN_SECONDS = 60.0

CAUSES = {
    "permission denied": ("this user may not use the engine", "add the user to the engine's group, or run podman as this user"),
    "no space left": ("the disk is full", "podman system prune, or docker system prune"),
    "cannot connect": ("the engine's service does not run", "votecheck doctor"),
    "name unknown": ("a base image cannot be had", "pull it by hand, or load it from a machine that has it"),
    "manifest unknown": ("a base image cannot be had", "pull it by hand, or load it from a machine that has it"),
    "initializing source": ("a base image cannot be had", "pull it by hand, or load it from a machine that has it"),
    "pull access denied": ("a base image cannot be had", "pull it by hand, or load it from a machine that has it"),
    "failed to resolve": ("a base image cannot be had", "pull it by hand, or load it from a machine that has it"),
    "no matching distribution": ("the package index cannot be reached from a build, or has no wheel for this machine", "try again later"),
    "do not match the hashes": ("a package is not the one that was pinned", "make lock, if that is meant"),
}
"""What an engine says, in lower case, and the likely cause and remedy."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that has answered.

    Attributes:
        name: the command.
    """

    name: str

    def ask(self, *arguments: str, within: float = RUN_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Let it carry out a command, whatever comes of it; one that takes longer than `within` seconds ends with 124."""
        command = [self.name, *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=within, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"no answer within {within:.0f} s")
        except OSError as error:
            return subprocess.CompletedProcess(command, 127, "", str(error))

    def run(self, *arguments: str, within: float = RUN_SECONDS) -> str:
        """Let it carry out a command and give what it prints.

        Raises:
            TargetUnavailable: it fails; with what it said, the likely cause and what to do.
        """
        done = self.ask(*arguments, within=within)
        if done.returncode:
            raise failure(f"{self.name} {arguments[0]}", done.stderr or done.stdout)
        return done.stdout.strip()


def failure(what: str, said: str) -> TargetUnavailable:
    """Make the error for a command of an engine that failed, from what it said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["nothing was said"]
    likely, remedy = next((told for sign, told in CAUSES.items() if sign in said.lower()), ("", "votecheck doctor"))
    return TargetUnavailable(f"{what} failed: {' '.join(lines[-3:])[-400:]}", likely, remedy)


def answers(name: str) -> tuple[bool, str]:
    """Ask an engine something that a client without a daemon cannot answer. Gives whether it answers, and what was seen."""
    if shutil.which(name) is None:
        return False, "not installed"
    asked = Engine(name).ask("info", within=ASKED_SECONDS)
    if asked.returncode:
        said = (asked.stderr or asked.stdout).strip().splitlines() or ["nothing was said"]
        return False, f"a client without an engine: {said[-1][:100]}"
    return True, "answers"


def answering(names: Sequence[str] = ENGINES) -> Engine:
    """Give the first engine that answers.

    Raises:
        TargetUnavailable: none does; with what each of them said.
    """
    said = []
    for name in names:
        good, seen = answers(name)
        if good:
            return Engine(name)
        said.append(f"{name}: {seen}")
    raise TargetUnavailable(
        f"No container engine answers ({'; '.join(said)}).", "none is installed, or its service does not run", "votecheck doctor"
    )
