"""Records what ends a session early, and closes the record."""

import resource
import time
from pathlib import Path

import pytest

from validation.core.commands import command
from validation.pytest_plugin.processors import ProcessorWatch
from validation.pytest_plugin.stash import EVIDENCE, RECORDER, SETTINGS
from validation.record.events import HarnessFailed, Measured, RunFinished, SubjectSeen, text
from validation.record.run_ids import RECORD
from validation.record.subject import read_subject


def pytest_configure(config: pytest.Config) -> None:
    """Watch this session."""
    config.pluginmanager.register(CrashWatch(config))


class CrashWatch:
    """Turns crashes, collection errors and interruptions of a session into harness errors of its record."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._started = time.monotonic()
        self._processors: ProcessorWatch | None = None

    def pytest_sessionstart(self) -> None:
        """Watch the processors of a run, once: a process that runs a part of the scenarios leaves that to the one with the record."""
        if RECORDER in self._config.stash and not self._config.stash[SETTINGS].record_of:
            self._processors = ProcessorWatch()

    def _record(self, what: str) -> None:
        if RECORDER in self._config.stash:
            self._config.stash[RECORDER].emit(HarnessFailed(text(what)))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Record a crash of pytest or of a plugin."""
        self._record(f"The harness crashed: {excinfo.typename}: {excinfo.value}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a feature that could not be collected; otherwise the run would only be smaller."""
        if report.failed:
            self._record(f"{report.nodeid} could not be collected: {_last_line(report.longreprtext)}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Record an early end, whatever caused it."""
        self._record(f"The run was interrupted: {str(excinfo.value) or excinfo.typename}.")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the last events, after session fixtures were torn down, and close the record."""
        if RECORDER in self._config.stash:
            recorder = self._config.stash[RECORDER]
            if EVIDENCE in self._config.stash:
                self._config.stash[EVIDENCE].close()
            if self._processors:
                recorder.emit(self._processors.end())
            recorder.emit(Measured("harness memory, peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB"))
            recorder.emit(SubjectSeen(read_subject(self._config.stash[SETTINGS].source, self._config.rootpath)))
            recorder.emit(RunFinished(round(time.monotonic() - self._started, 2)))
            recorder.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print where the record of a plain run lies, and the command that makes reports from it."""
    if RECORDER not in config.stash:
        return
    folder = config.stash[SETTINGS].folder
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    terminalreporter.write_line(f"Record: {shown / RECORD}")
    terminalreporter.write_line(f"Verdict and reports: {command('votecheck', 'report', str(shown))}")


def _last_line(trace: str) -> str:
    return next((line.strip().removeprefix("E ").strip() for line in reversed(trace.splitlines()) if line.startswith("E ")), trace[-300:])
