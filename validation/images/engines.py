"""Find the container engine of this machine: the first one that answers. A client without a daemon does not count."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from validation.core.environment import ENGINE, PROXIES, built
from validation.core.errors import TargetUnavailable

ENGINES = ("podman", "docker")
"""Engines that build, store and run images."""
BUILDERS = (*ENGINES, "buildah")
"""Engines that build images. buildah shares podman's store."""
NETWORKED = frozenset({"build", "pull"})
ASKED_SECONDS = 10.0
RUN_SECONDS = 60.0

CAUSES = {
    "permission denied": ("this user may not use the engine", "add the user to the engine's group, or use podman"),
    "no space left": ("the disk is full", "podman system prune, or docker system prune"),
    "cannot connect": ("the engine's service is not running", "votecheck doctor"),
    "name unknown": ("a base image cannot be pulled", "pull it by hand, or load it from a machine that has it"),
    "manifest unknown": ("a base image cannot be pulled", "pull it by hand, or load it from a machine that has it"),
    "initializing source": ("a base image cannot be pulled", "pull it by hand, or load it from a machine that has it"),
    "pull access denied": ("a base image cannot be pulled", "pull it by hand, or load it from a machine that has it"),
    "failed to resolve": ("a base image cannot be pulled", "pull it by hand, or load it from a machine that has it"),
    "no matching distribution": ("the package index is unreachable from the build, or has no wheel for this machine", "try again later"),
    "do not match the hashes": ("a package does not match its pinned hash", "make lock, if the change is intended"),
}
"""Text of an engine's error message, in lower case, with its likely cause and remedy."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that has answered.

    Attributes:
        name: name of the command.
    """

    name: str

    def ask(self, *arguments: str, within: float = RUN_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Run a command and return its result, also when it fails. A time-out after `within` seconds gives exit code 124."""
        command = [self.name, *arguments]
        try:
            return subprocess.run(  # noqa: S603 - no shell
                command, env=environment(arguments[0]), capture_output=True, text=True, errors="replace", timeout=within, check=False
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"no answer within {within:.0f} s")
        except OSError as error:
            return subprocess.CompletedProcess(command, 127, "", str(error))

    def run(self, *arguments: str, within: float = RUN_SECONDS) -> str:
        """Run a command and return its output.

        Raises:
            TargetUnavailable: the command failed. The message has its output, the likely cause and the remedy.
        """
        done = self.ask(*arguments, within=within)
        if done.returncode:
            raise failure(f"{self.name} {arguments[0]}", done.stderr or done.stdout)
        return done.stdout.strip()


def environment(command: str) -> dict[str, str]:
    """Return the environment of an engine's command. Only those that need the network know of a proxy: `run` would pass it on."""
    return built(*ENGINE, *(PROXIES if command in NETWORKED else ()))


def failure(what: str, said: str) -> TargetUnavailable:
    """Return the error for a failed engine command, with the likely cause found in its output."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no output"]
    likely, remedy = next((cause for sign, cause in CAUSES.items() if sign in said.lower()), ("", "votecheck doctor"))
    return TargetUnavailable(f"{what} failed: {' '.join(lines[-3:])[-400:]}", likely, remedy)


def answers(name: str) -> tuple[bool, str]:
    """Return whether an engine answers a question that a client without a daemon cannot, and what it said."""
    if shutil.which(name) is None:
        return False, "not installed"
    asked = Engine(name).ask("info", within=ASKED_SECONDS)
    if asked.returncode:
        said = (asked.stderr or asked.stdout).strip().splitlines() or ["no output"]
        return False, f"the client is installed, but the engine does not answer: {said[-1][:100]}"
    return True, "answers"


def answering(names: Sequence[str] = ENGINES) -> Engine:
    """Return the first engine that answers.

    Raises:
        TargetUnavailable: none of them answers. The message quotes each.
    """
    said = []
    for name in names:
        good, seen = answers(name)
        if good:
            return Engine(name)
        said.append(f"{name}: {seen}")
    raise TargetUnavailable(
        f"No container engine answers ({'; '.join(said)}).", "none is installed, or the service is not running", "votecheck doctor"
    )
