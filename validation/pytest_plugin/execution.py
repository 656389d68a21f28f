"""One run of the scenarios: clean up after earlier runs, open the record, and hand both to a pytest session."""

from collections.abc import Mapping, Sequence

import pytest

from validation.core import interruption
from validation.core.interruption import Interrupted
from validation.core.settings import PROJECT, RunSettings
from validation.pytest_plugin.requirements import record_required, share_of
from validation.pytest_plugin.stash import RECORDER, SETTINGS, SHARE
from validation.record.events import HarnessFailed, KnownProof, Listener
from validation.record.last_release import LastRelease
from validation.record.recorder import Recorder
from validation.record.runs import open_record
from validation.record.subject import read_subject
from validation.registry.checkpoints import Checkpoint
from validation.registry.durations import Share
from validation.report.across.summaries import earlier
from validation.targets import cleanup


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


def execute(  # noqa: PLR0913, PLR0917 - each becomes a part of the record
    settings: RunSettings,
    scope: Sequence[Checkpoint],
    waivers: Sequence[Mapping[str, str]],
    listeners: tuple[Listener, ...],
    proofs: Sequence[KnownProof],
    last_release: LastRelease | None = None,
) -> None:
    """Run the scenarios of the checkpoints in scope and record them in the run's folder.

    Args:
        settings: what to run, and where.
        scope: the checkpoints to validate.
        waivers: the waivers given to this run.
        listeners: called with each event as it happens.
        proofs: what is known of the defects that these checkpoints have caught.
        last_release: the run of an earlier release to compare with.

    Raises:
        Interrupted: by a signal, after everything was cleaned up.
        UsageError: there are fewer scenarios than shards.
    """
    ids = [c.id for c in scope]
    share = share_of(PROJECT, settings, ids)
    subject = read_subject(settings.source, PROJECT)
    recorder = open_record(settings, ids, waivers, listeners, proofs, subject)
    if last_release:
        recorder.emit(last_release)
    for verdict in earlier(settings.reports, subject, settings.target):
        recorder.emit(verdict)
    for problem in cleanup.reap()[1]:
        recorder.emit(HarnessFailed(f"Left by an earlier run: {problem}"))
    record_required(recorder, PROJECT, settings, ids, share)
    marks = " or ".join(c.mark for c in scope)
    # Plugins of other packages are for tests, and two of them take seconds to import. No step uses a bare assert.
    plugins = ["--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "no:terminal", "-p", "no:cacheprovider", "--assert=plain"]
    options = ["-c", str(PROJECT / "pyproject.toml"), *plugins, "-m", marks]
    arguments = [str(PROJECT / "features"), *options]
    handover = Handover(settings, recorder, share)
    ended = pytest.main(arguments, plugins=[handover])
    if interruption.received() or (ended == pytest.ExitCode.INTERRUPTED and handover.interrupted):
        raise Interrupted
