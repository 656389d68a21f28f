"""One run of the scenarios: clean up after earlier runs, open the record, and hand both to a pytest session."""

from collections.abc import Mapping, Sequence

import pytest

from validation.core.interruption import Interrupted, sigterm_interrupts
from validation.core.settings import PROJECT, RunSettings
from validation.pytest_plugin.stash import RECORDER, SETTINGS
from validation.record.events import HarnessFailed, Listener
from validation.record.recorder import Recorder
from validation.record.runs import open_record
from validation.registry.checkpoints import Checkpoint
from validation.targets import cleanup


class Handover:
    """Hands settings and recorder of this run to the pytest session."""

    def __init__(self, settings: RunSettings, recorder: Recorder) -> None:
        self._settings, self._recorder = settings, recorder
        self.interrupted = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Store both before the plugin reads them."""
        config.stash[SETTINGS] = self._settings
        config.stash[RECORDER] = self._recorder

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Distinguish an interruption from a collection error: pytest ends both with the same hook and the same code."""
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)


def execute(
    settings: RunSettings,
    scope: Sequence[Checkpoint],
    waivers: Sequence[Mapping[str, str]],
    listeners: tuple[Listener, ...],
    self_tested: Mapping[str, bool],
) -> None:
    """Run the scenarios of the checkpoints in scope and record them in the run's folder.

    Args:
        settings: what to run, and where.
        scope: the checkpoints to validate.
        waivers: the waivers given to this run.
        listeners: called with each event as it happens.
        self_tested: checkpoint id to whether a seeded defect turned it red with this exact source.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM, after everything was cleaned up.
    """
    recorder = open_record(settings, [c.id for c in scope], waivers, listeners, self_tested)
    for problem in cleanup.reap()[1]:
        recorder.emit(HarnessFailed(f"Left by an earlier run: {problem}"))
    marks = " or ".join(c.mark for c in scope)
    # Plugins of other packages are for tests, and two of them take seconds to import. No step uses a bare assert.
    plugins = ["--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "no:terminal", "-p", "no:cacheprovider", "--assert=plain"]
    options = ["-c", str(PROJECT / "pyproject.toml"), *plugins, "-m", marks]
    arguments = [str(PROJECT / "features"), *options]
    handover = Handover(settings, recorder)
    with sigterm_interrupts():
        ended = pytest.main(arguments, plugins=[handover])
    if ended == pytest.ExitCode.INTERRUPTED and handover.interrupted:
        raise Interrupted
