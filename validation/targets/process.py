"""A child process: its log as parsed lines, its exit, its signals. It knows nothing about what the process does.

Containers extend it, so it lives beside both launching targets rather than in `local/`.
"""

import contextlib
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

import psutil

from validation.core import inputs, interruption
from validation.core.environment import NOT_WRITABLE_BY_OTHERS, built
from validation.core.errors import HarnessError, ProbeError, TargetUnavailable
from validation.core.waiting import Waited, eventually
from validation.targets.cleanup import MARK

NOBODY = 65534


class Running(Protocol):
    """A process that was started: a `subprocess.Popen`, or what offers as much of it."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process runs."""

    def wait(self, timeout: float) -> int:
        """Wait until the process has ended and return its exit code."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal, unless it has ended."""


def variables_of(run_folder: Path) -> dict[str, str]:
    """Return the variables of each process of a run. Its home is the run's folder."""
    return built(HOME=str(run_folder), PYTHONUNBUFFERED="1") | {MARK: run_folder.name}


@dataclass
class Child:
    """One child process of a run.

    Attributes:
        name: its name in logs and reports.
        command: the program and its arguments.
        run_folder: the run's folder. It holds the log, and cleanup finds the process by the folder's name.
        folder: the working directory.
        env: its environment variables, besides those of `core.environment`. Its home is the run's folder.
        stop_signal: the signal that requests a clean shutdown.
        user: the numeric user to run as; None for the current user.
    """

    name: str
    command: Sequence[str]
    run_folder: Path
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    user: int | None = None
    in_container: ClassVar[bool] = False
    _popen: Running | None = None
    _starts: int = 0

    @property
    def log(self) -> Path:
        """The log file of the current start."""
        return self.run_folder / f"{self.name}.{self._starts}.log"

    def start(self) -> None:
        """Start the process with a new log file."""
        self._starts += 1
        try:
            with self.log.open("wb") as log, interruption.Held():
                self._popen = self._launch(log)
        except OSError as error:
            raise TargetUnavailable(f"Cannot start {self.name}: {error}.", "an incomplete installation", "make setup") from error

    def _launch(self, log: IO[bytes]) -> Running:
        return subprocess.Popen(  # noqa: S603 - the harness's own command line
            self._arguments(),
            cwd=self.folder,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=NOT_WRITABLE_BY_OTHERS,  # as in a container, whatever the caller's
            restore_signals=False,  # a full disk must be an error the process handles, not a SIGXFSZ that kills it
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )

    def _arguments(self) -> list[str]:
        return list(self.command)

    def _variables(self) -> dict[str, str]:
        return variables_of(self.run_folder) | dict(self.env)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the process runs or before its first start."""
        return None if self._popen is None else self._popen.poll()

    @property
    def pid(self) -> int:
        """The process id."""
        if self._popen is None:
            raise HarnessError(f"{self.name} was not started.")
        return self._popen.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, not to its children."""
        if self._popen is not None and self.alive:
            inputs.note(f"{self.name} gets {number.name}")
            self._popen.send_signal(number)

    def wait(self, within: float) -> Waited[int | None]:
        """Wait for the process to exit. There is nothing to wait for if it was never started."""
        return eventually(lambda: self.exit_code, lambda code: code is not None, within=within if self._popen else 0)

    def stop(self, within: float = 8.0) -> Waited[int | None]:
        """Request a clean shutdown and wait; kill the process if it does not exit in time."""
        self.resume()
        self.send(self.stop_signal)
        ended = self.wait(within)
        if not ended.held:
            self.kill()
        return ended

    def kill(self) -> None:
        """Kill the process and its children, and reap it."""
        if self._popen is not None:
            inputs.note(f"{self.name} is killed")
            self._signal_tree(signal.SIGKILL)
            self._popen.wait(5)

    def pause(self) -> None:
        """Freeze the process and its children."""
        inputs.note(f"{self.name} is frozen")
        self._signal_tree(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the process and its children."""
        self._signal_tree(signal.SIGCONT)

    @property
    def data(self) -> Path:
        """The folder with its data."""
        return self.folder

    def limit_file_size(self, size: int) -> None:
        """Limit the size of every file it writes from now on, in bytes."""
        psutil.Process(self.pid).rlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    @property
    def frozen(self) -> bool:
        """Whether the process is stopped (and not dead)."""
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def run_program(self, program: str, *arguments: str) -> None:
        """Make it start with a Python program, given as text, instead of its own command."""
        self.command = [sys.executable, "-c", program, *arguments]

    def show(self, file: Path) -> str:
        """Make it start with a file that it can read, whatever its user, and return its path."""
        file.chmod(0o644)
        return str(file)

    def ask(self, *command: str, within: float) -> "subprocess.CompletedProcess[str]":
        """Run another command in the same folder and environment; `python` is the interpreter of this run.

        Raises:
            ProbeError: the command could not be run, or did not exit in time.
        """
        program = [sys.executable if word == "python" else word for word in command]
        try:
            return subprocess.run(  # noqa: S603 - the system's own commands
                program, cwd=self.folder, env=self._variables(), capture_output=True, text=True, timeout=within, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProbeError(f"Cannot run {' '.join(command)[:60]} beside {self.name}: {error}.") from None

    def _signal_tree(self, number: signal.Signals) -> None:
        if self._popen is None or self._popen.poll() is not None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._popen.pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def output(self) -> str:
        """Return everything the current start has written."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def events(self) -> list[dict[str, Any]]:
        """Return the log lines that are JSON objects, in order."""
        return _events(self.output())

    def events_of_every_start(self) -> list[dict[str, Any]]:
        """Return the log lines that are JSON objects, of every start so far, in order."""
        logs = [self.run_folder / f"{self.name}.{start}.log" for start in range(1, self._starts + 1)]
        return [event for log in logs if log.exists() for event in _events(log.read_text(encoding="utf-8", errors="replace"))]

    def event_names(self) -> list[str]:
        """Return the `event` of each JSON line, in order."""
        return [str(e["event"]) for e in self.events() if "event" in e]

    def wait_for_event(self, name: str, within: float, count: int = 1) -> Waited[list[str]]:
        """Wait until the log has an event `count` times; stop early if the process exits."""
        return eventually(self.event_names, lambda names: names.count(name) >= count, within=within, never=lambda _: not self.alive)


def _events(output: str) -> list[dict[str, Any]]:
    found = []
    for line in output.splitlines():
        with contextlib.suppress(ValueError):
            parsed = json.loads(line)
            if isinstance(parsed, dict):
                found.append(parsed)
    return found
