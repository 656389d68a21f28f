"""A child process: its log as parsed lines, its end, its signals. Nothing here knows what the process does."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import psutil

from validation.core.errors import HarnessError, ProbeError, TargetUnavailable
from validation.core.waiting import Waited, eventually
from validation.targets.cleanup import MARK

NOBODY = 65534
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")


@dataclass
class Child:
    """One process of a run.

    Attributes:
        name: what it is called in logs and reports.
        command: program and arguments.
        run_folder: the run's folder; the log is written there, and its name is the mark that the reaper looks for.
        folder: the working directory.
        env: its variables, beside a few inherited ones.
        stop_signal: what asks it to end.
        user: the numeric user to run as, where it is not ours.
    """

    name: str
    command: Sequence[str]
    run_folder: Path
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    user: int | None = None
    in_container: ClassVar[bool] = False
    _popen: "subprocess.Popen[bytes] | None" = None
    _starts: int = 0

    @property
    def log(self) -> Path:
        """Where the output of the current start is."""
        return self.run_folder / f"{self.name}.{self._starts}.log"

    def start(self) -> None:
        """Start it, with a log of its own."""
        self._starts += 1
        try:
            with self.log.open("wb") as log:
                self._popen = subprocess.Popen(  # noqa: S603 - the harness's own command line
                    self._arguments(),
                    cwd=self.folder,
                    env=self._variables(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    restore_signals=False,  # a full disk is an error to be handled, and not the death by SIGXFSZ
                    user=self.user,
                    group=self.user,
                    extra_groups=None if self.user is None else [],
                )
        except OSError as error:
            raise TargetUnavailable(f"{self.name} could not be started: {error}.", "a half-installed environment", "make setup") from error

    def _arguments(self) -> list[str]:
        return list(self.command)

    def _variables(self) -> dict[str, str]:
        kept = {k: os.environ[k] for k in KEPT_VARIABLES if k in os.environ}
        return kept | {MARK: self.run_folder.name, "PYTHONUNBUFFERED": "1"} | dict(self.env)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs or before it was started."""
        return None if self._popen is None else self._popen.poll()

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._popen is None:
            raise HarnessError(f"{self.name} was not started.")
        return self._popen.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, and to nothing else."""
        if self._popen is not None and self.alive:
            self._popen.send_signal(number)

    def wait(self, within: float) -> Waited[int | None]:
        """Wait for its end."""
        return eventually(lambda: self.exit_code, lambda code: code is not None, within=within)

    def stop(self, within: float = 8.0) -> Waited[int | None]:
        """Ask it to end and wait; insist when it does not."""
        self.resume()
        self.send(self.stop_signal)
        ended = self.wait(within)
        if not ended.held:
            self.kill()
        return ended

    def kill(self) -> None:
        """End it at once, with its children, and reap it."""
        if self._popen is not None:
            self._signal_tree(signal.SIGKILL)
            self._popen.wait(5)

    def pause(self) -> None:
        """Freeze it and its children."""
        self._signal_tree(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it and its children go on."""
        self._signal_tree(signal.SIGCONT)

    @property
    def data(self) -> Path:
        """Where its data is."""
        return self.folder

    def limit_file_size(self, size: int) -> None:
        """Let it write no file beyond a size, in bytes, from now on."""
        psutil.Process(self.pid).rlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    @property
    def frozen(self) -> bool:
        """Whether it is stopped and not dead."""
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def ask(self, *command: str, within: float) -> "subprocess.CompletedProcess[str]":
        """Run one more command where the process runs, with its variables; `python` is the Python that it runs by.

        Raises:
            ProbeError: it could not be run, or did not end in time.
        """
        program = [sys.executable if word == "python" else word for word in command]
        try:
            return subprocess.run(  # noqa: S603 - the system's own commands
                program, cwd=self.folder, env=self._variables(), capture_output=True, text=True, timeout=within, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProbeError(f"{' '.join(command)[:60]} could not be run beside {self.name}: {error}.") from None

    def _signal_tree(self, number: signal.Signals) -> None:
        if self._popen is None or self._popen.poll() is not None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._popen.pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def output(self) -> str:
        """Everything that the current start wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def events(self) -> list[dict[str, Any]]:
        """The lines of the log that are JSON objects, in order."""
        found = []
        for line in self.output().splitlines():
            with contextlib.suppress(ValueError):
                parsed = json.loads(line)
                if isinstance(parsed, dict):
                    found.append(parsed)
        return found

    def event_names(self) -> list[str]:
        """The `event` of each JSON line, in order."""
        return [str(e["event"]) for e in self.events() if "event" in e]

    def wait_for_event(self, name: str, within: float, count: int = 1) -> Waited[list[str]]:
        """Wait until the log has an event `count` times; stop early when the process ends."""
        return eventually(self.event_names, lambda names: names.count(name) >= count, within=within, never=lambda _: not self.alive)
