"""A process that runs a part of the scenarios of a run, and sends their events to the process that holds the record."""

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from validation.core import interruption
from validation.core.settings import RunSettings
from validation.pytest_plugin.stash import RECORDER, SETTINGS, SHARE
from validation.record.events import Event
from validation.record.recorder import Recorder
from validation.registry.durations import Share

PR_SET_PDEATHSIG = 1


class Handover:
    """Hands settings, recorder and share of this run to the pytest session."""

    def __init__(self, settings: RunSettings, recorder: Recorder, share: Share) -> None:
        self._settings, self._recorder, self._share = settings, recorder, share
        self.interrupted = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Store them before the plugin reads them."""
        config.stash[SETTINGS] = self._settings
        config.stash[RECORDER] = self._recorder
        config.stash[SHARE] = self._share

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Distinguish an interruption from a collection error: pytest ends both with the same hook and the same code."""
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)


def run_scenarios(project: Path, settings: RunSettings, marks: str, share: Share, recorder: Recorder) -> bool:
    """Run scenarios in a pytest session of this process, and return whether a signal interrupted it.

    Args:
        project: the folder with `features/`.
        settings: the settings of the run.
        marks: pytest's expression for the checkpoints in scope.
        share: which of their scenarios run here; None: all.
        recorder: gets the events, up to the last one, and is closed.
    """
    # Plugins of other packages are for tests, and two of them take seconds to import. No step uses a bare assert.
    plugins = ["--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "no:terminal", "-p", "no:cacheprovider", "--assert=plain"]
    arguments = [str(project / "features"), "-c", str(project / "pyproject.toml"), *plugins, "-m", marks]
    handover = Handover(settings, recorder, share)
    ended = pytest.main(arguments, plugins=[handover])
    return interruption.received() or (ended == pytest.ExitCode.INTERRUPTED and handover.interrupted)


def work(project: Path, settings: RunSettings, marks: str, share: Share, events: Connection) -> None:
    """Run scenarios in this process, which was started for it. It is interrupted when the process that started it is gone."""
    interruption.install()
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        run_scenarios(project, settings, marks, share, Recorder(Path(os.devnull), (_sender(events),)))
    except KeyboardInterrupt:
        pass  # before pytest began or after it ended: there is nothing to clean up
    finally:
        interruption.disarm()
        interruption.ignore()
        events.close()


def _sender(events: Connection) -> Callable[[Event], None]:
    def send(event: Event) -> None:
        with contextlib.suppress(OSError):  # the process that records is gone, and a signal comes
            events.send(event)

    return send
