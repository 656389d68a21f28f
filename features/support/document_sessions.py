"""Sessions: the commands of a page, run one after the other in a copy of the project, as a reader would."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from validation.core.environment import CLUSTER, ENGINE, built
from validation.core.errors import NotProven
from validation.core.waiting import eventually
from validation.defects.seeding import seeded_copy
from validation.probes.source.commands import Page, Step

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
COMMAND_SECONDS, SHOWS_SECONDS, ENDS_SECONDS = 300.0, 30.0, 15.0
"""Limits for a command, for a server until it is up, and for its end after Ctrl-C."""
TAIL = 1500


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that was run.

    Attributes:
        step: the command of the page.
        ran: what was run.
        code: its exit code; None if it did not end in time.
        output: standard output and error.
        served: whether it is a server, which goes on until it is interrupted.
        early: exit code of a server that ended by itself before it was interrupted; else None.
    """

    step: Step
    ran: str
    code: int | None
    output: str
    seconds: float
    served: bool = False
    early: int | None = None

    @property
    def tail(self) -> str:
        """The end of its output."""
        return self.output[-TAIL:]


@dataclass
class Session:
    """Runs commands in a folder, one after the other. Servers among them go on until the session closes.

    Args:
        folder: the copy of the project.
        env: variables of the reader, such as addresses.
        names: names of the page, as patterns, and what they are called here.
    """

    folder: Path
    env: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    _serving: list[tuple[Step, "subprocess.Popen[bytes]", Path]] = field(default_factory=list)

    def follow(self, page: Page, places: Sequence[str]) -> Iterator[Ended]:
        """Run the commands of a page that run in one of the places, and yield how each ended; servers last."""
        for name, content in page.files.items():
            if not (self.folder / name).exists():
                (self.folder / name).write_text(content, encoding="utf-8")
        try:
            change: Step | None = None
            for step in page.steps:
                if step.removed:
                    change = step
                elif step.row.where in places:
                    with self.changed(change):
                        yield from self._run(step)
                if not step.removed:
                    change = None
        finally:
            yield from self._interrupted()

    def _run(self, step: Step) -> Iterator[Ended]:
        for line in step.row.before:
            yield self._ended(step, line)
        if not step.row.until:
            yield self._ended(step, self._here(step.runs))
            return
        log = self.folder / f"output-{len(self._serving)}"
        process = self._start(self._here(step.runs), log)
        self._serving.append((step, process, log))
        eventually(lambda: step.row.until in _text(log), bool, within=SHOWS_SECONDS, never=lambda _: process.poll() is not None)

    def _ended(self, step: Step, line: str) -> Ended:
        begun, log = time.monotonic(), self.folder / "output"
        process = self._start(line, log)
        try:
            code: int | None = process.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        return Ended(step, line, code, _text(log), time.monotonic() - begun)

    def _interrupted(self) -> Iterator[Ended]:
        for step, process, log in reversed(self._serving):
            begun, early = time.monotonic(), process.poll()
            code = _end(process)
            code = code if early is None else None
            yield Ended(step, step.runs, code, _text(log), time.monotonic() - begun, served=True, early=early)
        self._serving.clear()

    def _start(self, line: str, log: Path) -> "subprocess.Popen[bytes]":
        with log.open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - a command of our own documents
                ["/bin/sh", "-c", line], cwd=self.folder, env=self._variables(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _variables(self) -> dict[str, str]:
        own = {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "200"}
        own["HEARTBEAT_FILE"] = str(self.folder / "heartbeat")  # the default is one file for all users of a machine
        return built(*ENGINE, *CLUSTER, **own, **self.env)

    def _here(self, line: str) -> str:
        """Return a command with the names that its parts have here: an earlier run, an address, a release."""
        if RUN_ID.search(line):
            runs = sorted(path.name for path in (self.folder / "reports").glob("*") if RUN_ID.fullmatch(path.name))
            line = RUN_ID.sub(runs[-1] if runs else "none", line)
        for pattern, name in self.names.items():
            line = re.sub(pattern, name, line)
        return line

    @contextmanager
    def changed(self, change: Step | None) -> Iterator[None]:
        """Apply a change of the page, and undo it afterwards: each page that breaks something repairs it before it goes on."""
        if change is None:
            yield
            return
        file = self.folder / change.line
        before = file.read_text(encoding="utf-8")
        if before.count(change.removed) != 1:
            raise NotProven(f"{change.page} changes `{change.removed}`, which {change.line} does not have exactly once.")
        file.write_text(before.replace(change.removed, change.added), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")


@contextmanager
def session(source: Path, env: Mapping[str, str], names: Mapping[str, str] | None = None) -> Iterator[Session]:
    """Copy the project, with the environment of this interpreter as its `.venv`, and remove the copy afterwards."""
    environment = Path(sys.prefix)
    if not (environment / "bin" / "votecheck").exists():
        raise NotProven(f"votecheck is not installed in {environment}, so the commands of the documents cannot run. Try: make setup")
    with seeded_copy(None, source) as copy:
        venv = copy / ".venv"
        venv.mkdir(exist_ok=True)
        for entry in environment.iterdir():
            if entry.name != "ready" and not (venv / entry.name).exists():
                (venv / entry.name).symlink_to(entry)
        (venv / "ready").touch()  # newer than everything else, as `make setup` leaves it
        yield Session(copy, env, names or {})


def _end(process: "subprocess.Popen[bytes]") -> int | None:
    """Interrupt a command as Ctrl-C does, end what it left behind, and return its exit code; None if it had to be killed."""
    code: int | None = None
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(ENDS_SECONDS)
            break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return code


def _text(log: Path) -> str:
    if not log.exists():
        return ""
    file: IO[str]
    with log.open(encoding="utf-8", errors="replace") as file:
        return file.read()
