"""A container as a child: the engine's client runs in the foreground, so its output is the log and its exit code is the container's."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from validation.core.errors import HarnessError, ProbeError
from validation.core.waiting import eventually
from validation.images.engines import Engine
from validation.targets.cleanup import LABEL, MARK
from validation.targets.local.process import Child

if TYPE_CHECKING:
    import subprocess

STARTS_SECONDS = 30.0
ASK_EVERY_SECONDS = 0.05
ASK_SECONDS = 10.0
ENGINE_FAILED = 125
"""From here on the engine's client says that there was no container, or that its command could not be run."""
BY_SIGNAL = 128
"""What is added to the number of the signal that ended a container."""


@dataclass
class Container(Child):
    """One container of a run; each start makes a new one, and each end removes it.

    Attributes:
        engine: what runs it.
        image: name and tag.
        options: what `run` is told about it.
        data_inside: where its data is, seen from inside.
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
        """What the engine knows the current start by."""
        return f"votecheck-{self.run_folder.name}-{self.name}-{self._starts}"

    def _arguments(self) -> list[str]:
        named = [word for name in self.env for word in ("--env", name)]  # values travel in the environment: arguments are for all to see
        label = ["--name", self.container, "--label", f"{LABEL}={self.run_folder.name}"]
        return [self.engine.name, "run", "--rm", *label, *self.options, *named, self.image, *self.command]

    def _variables(self) -> dict[str, str]:
        return dict(os.environ) | {MARK: self.run_folder.name} | dict(self.env)

    def start(self) -> None:
        """Start it. The engine takes a moment, and so does `pid`, which waits for it."""
        self._pid, self._paused = 0, False
        self.folder = self.run_folder  # where the client works
        super().start()

    @property
    def pid(self) -> int:
        """The process id that its first process has outside.

        Raises:
            HarnessError: there is none: it was not started, or ended at once.
        """
        if not self._pid and not self._look_for_pid_while_alive():
            raise HarnessError(f"{self.name} has no process: {self.output().strip()[-200:] or 'it was not started, or ended at once'}")
        return self._pid

    def _look_for_pid_while_alive(self) -> bool:
        return eventually(self._look_for_pid, bool, within=STARTS_SECONDS, never=lambda _: not self.alive, every=ASK_EVERY_SECONDS).held

    def _look_for_pid(self) -> int:
        asked = self.engine.ask("container", "inspect", "--format", "{{.State.Pid}}", self.container)
        self._pid = int(asked.stdout) if asked.stdout.strip().isdigit() else 0
        return self._pid

    @property
    def data(self) -> Path:
        """Its data folder, from outside."""
        return Path(f"/proc/{self.pid}/root{self.data_inside}")

    @property
    def exit_code(self) -> int | None:
        """What it ended with, negative for a signal; None while it runs."""
        code = super().exit_code
        return code if code is None or code <= BY_SIGNAL else BY_SIGNAL - code

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its first process, once it is there."""
        signal_it = ("kill", "--signal", str(int(number)), self.container)
        if self.alive and self.engine.ask(*signal_it).returncode and self._look_for_pid_while_alive():
            self.engine.ask(*signal_it)

    def kill(self) -> None:
        """End it at once."""
        if self.alive:
            self.resume()
            self.send(signal.SIGKILL)
            if not self.wait(within=STARTS_SECONDS).held:
                self.engine.ask("rm", "--force", self.container)
                super().kill()

    def pause(self) -> None:
        """Freeze all that runs in it."""
        if self.alive:
            _ = self.pid  # it may be starting still
            self.engine.run("pause", self.container)
            self._paused = True

    def resume(self) -> None:
        """Let it go on."""
        if self._paused and self.alive:
            self.engine.run("unpause", self.container)
        self._paused = False

    def limit_file_size(self, size: int) -> None:
        """Let it write no file beyond a size, in bytes, from now on.

        Raises:
            ProbeError: its image has no `prlimit`, or it may not.
        """
        done = self.ask("prlimit", "--pid", "1", f"--fsize={size}:", within=ASK_SECONDS)
        if done.returncode:
            raise ProbeError(f"The size of {self.name}'s files could not be limited: {done.stderr.strip()[-200:]}")

    @property
    def frozen(self) -> bool:
        """Whether the engine says that it is paused."""
        return self.engine.ask("container", "inspect", "--format", "{{.State.Status}}", self.container).stdout.strip() == "paused"

    def ask(self, *command: str, within: float) -> "subprocess.CompletedProcess[str]":
        """Run one more command in it; `python` is the image's own, which is called python3 everywhere.

        Raises:
            ProbeError: the engine could not run it.
        """
        _ = self.pid  # it may be starting still
        return carried_out(self.engine.ask("exec", self.container, *in_words_of_images(command), within=within), command[0])


def in_words_of_images(command: Sequence[str]) -> list[str]:
    """Call `python` what it is called in every image."""
    return ["python3" if word == "python" else word for word in command]


def carried_out(done: "subprocess.CompletedProcess[str]", command: str) -> "subprocess.CompletedProcess[str]":
    """Give what a command in a container ended with.

    Raises:
        ProbeError: it was not the command that ended so, but the engine.
    """
    if done.returncode >= ENGINE_FAILED - 1:  # 124 is our own: it took too long
        raise ProbeError(f"{command} could not be run in a container: {(done.stderr or done.stdout).strip()[-300:]}")
    return done
