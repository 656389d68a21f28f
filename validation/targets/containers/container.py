"""A container as a child process: the engine's client runs in the foreground, so its output and exit code are the container's."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from validation.core.errors import HarnessError, ProbeError
from validation.core.waiting import eventually
from validation.images.engines import Engine, environment
from validation.targets.cleanup import LABEL, MARK
from validation.targets.process import Child

if TYPE_CHECKING:
    import subprocess

STARTS_SECONDS = 30.0
ASK_EVERY_SECONDS = 0.05
ASK_SECONDS = 10.0
ENGINE_FAILED = 125
"""Exit codes from here on mean that the engine could not create the container or run its command."""
PYTHON = "python3"
"""The name that the interpreter has in every image."""
BY_SIGNAL = 128
"""Exit codes above this are 128 plus the signal that killed the container."""


@dataclass
class Container(Child):
    """One container of a run. Each start creates a new one, and its exit removes it.

    Attributes:
        engine: the engine that runs it.
        image: its name and tag.
        options: options for the engine's `run`.
        data_inside: the path of its data inside the container.
    """

    engine: Engine = field(kw_only=True)
    image: str = field(kw_only=True)
    options: Sequence[str] = field(kw_only=True)
    data_inside: str = field(default="/", kw_only=True)
    in_container: ClassVar[bool] = True
    _pid: int = 0
    _paused: bool = False

    @property
    def container(self) -> str:
        """The container's name for the current start."""
        return f"votecheck-{self.run_folder.name}-{self.name}-{self._starts}"

    def _arguments(self) -> list[str]:
        named = [word for name in self.env for word in ("--env", name)]  # by name only: anyone on the machine can read arguments
        label = ["--name", self.container, "--label", f"{LABEL}={self.run_folder.name}"]
        return [self.engine.name, "run", "--rm", *label, *self.options, *named, self.image, *self.command]

    def _variables(self) -> dict[str, str]:
        return environment("run") | {MARK: self.run_folder.name} | dict(self.env)

    def start(self) -> None:
        """Start the container. `pid` waits until the engine has created it."""
        self._pid, self._paused = 0, False
        self.folder = self.run_folder  # the working directory of the engine's client
        super().start()

    def run_program(self, program: str, *arguments: str) -> None:
        """Make it start with a Python program, given as text, instead of its image's own command."""
        self.options = [*self.options, "--entrypoint", PYTHON]
        self.command = ["-c", program, *arguments]

    def show(self, file: Path) -> str:
        """Make it start with a file of the host mounted, and return its path inside."""
        inside = f"/{file.name}"
        self.options = [*self.options, "--volume", f"{super().show(file)}:{inside}:ro,z"]
        return inside

    @property
    def pid(self) -> int:
        """The id of its first process, as seen from the host.

        Raises:
            HarnessError: the container was not started, or exited at once.
        """
        if not self._pid and not self._wait_for_pid():
            raise HarnessError(f"{self.name} has no process: {self.output().strip()[-200:] or 'it was not started, or exited at once'}")
        return self._pid

    def _wait_for_pid(self) -> bool:
        return eventually(self._look_for_pid, bool, within=STARTS_SECONDS, never=lambda _: not self.alive, every=ASK_EVERY_SECONDS).held

    def _look_for_pid(self) -> int:
        asked = self.engine.ask("container", "inspect", "--format", "{{.State.Pid}}", self.container)
        self._pid = int(asked.stdout) if asked.stdout.strip().isdigit() else 0
        return self._pid

    @property
    def data(self) -> Path:
        """Its data folder, as seen from the host."""
        return Path(f"/proc/{self.pid}/root{self.data_inside}")

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while the container runs."""
        code = super().exit_code
        return code if code is None or code <= BY_SIGNAL else BY_SIGNAL - code

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its first process, as soon as that exists."""
        signal_it = ("kill", "--signal", str(int(number)), self.container)
        if self.alive and self.engine.ask(*signal_it).returncode and self._wait_for_pid():
            self.engine.ask(*signal_it)

    def kill(self) -> None:
        """Kill the container."""
        if self.alive:
            self.resume()
            self.send(signal.SIGKILL)
            if not self.wait(within=STARTS_SECONDS).held:
                self.engine.ask("rm", "--force", self.container)
                super().kill()

    def pause(self) -> None:
        """Freeze every process in the container."""
        if self.alive:
            _ = self.pid  # waits for a container that is still starting
            self.engine.run("pause", self.container)
            self._paused = True

    def resume(self) -> None:
        """Resume the container."""
        if self._paused and self.alive:
            self.engine.run("unpause", self.container)
        self._paused = False

    def limit_file_size(self, size: int) -> None:
        """Limit the size of every file it writes from now on, in bytes.

        Raises:
            ProbeError: its image has no `prlimit`, or the container may not use it.
        """
        done = self.ask("prlimit", "--pid", "1", f"--fsize={size}:", within=ASK_SECONDS)
        if done.returncode:
            raise ProbeError(f"Cannot limit the file size of {self.name}: {done.stderr.strip()[-200:]}")

    @property
    def frozen(self) -> bool:
        """Whether the engine reports the container as paused."""
        return self.engine.ask("container", "inspect", "--format", "{{.State.Status}}", self.container).stdout.strip() == "paused"

    def ask(self, *command: str, within: float) -> "subprocess.CompletedProcess[str]":
        """Run another command in the container; `python` is the image's own interpreter.

        Raises:
            ProbeError: the engine could not run the command.
        """
        _ = self.pid  # waits for a container that is still starting
        return check_engine_result(self.engine.ask("exec", self.container, *with_python3(command), within=within), command[0])


def with_python3(command: Sequence[str]) -> list[str]:
    """Replace `python` by the name that every image has."""
    return [PYTHON if word == "python" else word for word in command]


def check_engine_result(done: "subprocess.CompletedProcess[str]", command: str) -> "subprocess.CompletedProcess[str]":
    """Return a finished command unchanged, unless the engine failed to run it.

    Raises:
        ProbeError: the exit code is the engine's, not the command's.
    """
    if done.returncode >= ENGINE_FAILED - 1:  # 124 is the harness's own: a timeout
        raise ProbeError(f"Cannot run {command} in a container: {(done.stderr or done.stdout).strip()[-300:]}")
    return done
