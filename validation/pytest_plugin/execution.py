"""One run, from settings to record: clean up after dead runs, then let pytest run the scenarios."""

from collections.abc import Mapping, Sequence

import pytest

from validation.core.interruption import asked_to_end
from validation.core.settings import PROJECT, RunSettings
from validation.record.recorder import HarnessFailed, Listener, Recorder
from validation.record.runs import RECORDER, SETTINGS, open_record
from validation.registry.checkpoints import Checkpoint
from validation.targets import cleanup


class Interrupted(Exception):
    """Somebody asked the run to end."""


class Handover:
    """Gives pytest the settings and the record that this run already has."""

    def __init__(self, settings: RunSettings, recorder: Recorder) -> None:
        self._settings, self._recorder = settings, recorder
        self.interrupted = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand over before the plugin looks."""
        config.stash[SETTINGS] = self._settings
        config.stash[RECORDER] = self._recorder

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell an interruption from a collection error, which pytest ends by the same hook and the same code."""
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
        settings: what to run.
        scope: the checkpoints.
        waivers: those that may fail.
        listeners: they see each event as it happens.
        self_tested: the checkpoints that planted defects have turned red, and whether in this very state of the source.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM, after everything was cleaned up.
    """
    recorder = open_record(settings, [c.id for c in scope], waivers, listeners, self_tested)
    for problem in cleanup.reap()[1]:
        recorder.emit(HarnessFailed(f"Left by an earlier run: {problem}"))
    marks = " or ".join(c.mark for c in scope)
    # Plugins of other packages are for tests: two of them take seconds to import. Nothing here asserts.
    plugins = ["--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "no:terminal", "-p", "no:cacheprovider", "--assert=plain"]
    options = ["-c", str(PROJECT / "pyproject.toml"), *plugins, "-m", marks]
    arguments = [str(PROJECT / "features"), *options]
    handover = Handover(settings, recorder)
    with asked_to_end():
        ended = pytest.main(arguments, plugins=[handover])
    if ended == pytest.ExitCode.INTERRUPTED and handover.interrupted:
        raise Interrupted
