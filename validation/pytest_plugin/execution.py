"""One run, from settings to verdict: clean up after others, look whether the servers are there, let pytest run the scenarios, judge."""

from collections.abc import Mapping, Sequence

import pytest

from validation.core.errors import HarnessError, UsageError
from validation.core.interruption import asked_to_end
from validation.core.settings import PROJECT, RunSettings
from validation.record.recorder import HarnessFailed, Listener, Recorder
from validation.record.runs import RECORDER, SETTINGS, open_record
from validation.registry.checkpoints import Checkpoint
from validation.targets import cleanup
from validation.targets.reachability import check_database, check_http, check_redis

SCHEMES = {"api": ("http",), "redis": ("redis", "unix"), "database": ("postgres",)}


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


def preflight(settings: RunSettings) -> str:
    """Look whether the servers of somebody else that the run was given are there. Gives what to tell before anything is touched.

    Raises:
        UsageError: an address is none.
        HarnessError: the source is no voting system, or the run's folder cannot be made.
        TargetUnavailable: one does not answer, or has no schema; or the cluster does not.
    """
    for name, schemes in SCHEMES.items():
        url = getattr(settings, f"{name}_url")
        if url and not url.startswith(schemes):
            likely = f"it must begin with {' or '.join(schemes)}…"
            raise UsageError(f"--{name}-url {url} is not an address.", likely, "votecheck run --help")
    if not (settings.source / "system").is_dir():
        raise HarnessError(f"{settings.source} has no system/ to judge.", "a wrong --source", "votecheck run --source .")
    try:
        settings.folder.mkdir(parents=True)
    except OSError as error:
        raise HarnessError(
            f"The reports cannot be written: {error}.",
            "a file in their place, or a folder of somebody else",
            "votecheck run --reports FOLDER",
        ) from None
    if settings.api_url:
        check_http(settings.api_url)
    if settings.redis_url:
        check_redis(settings.redis_url)
    if settings.database_url:
        check_database(settings.database_url)
    return _look_at_cluster(settings) if settings.target == "cluster" else ""


def _look_at_cluster(settings: RunSettings) -> str:
    from validation.targets.cluster.access import Cluster  # noqa: PLC0415 - the client takes a second to import
    from validation.targets.cluster.installation import own_name  # noqa: PLC0415

    cluster = Cluster(settings.kubeconfig, settings.context)
    told = f"Cluster: context {cluster.context} at {cluster.server}, Kubernetes {cluster.version()}."
    if settings.release:
        return f"{told} Release {settings.release} is read and voted on; nothing of it is changed."
    return f"{told} A release {own_name(settings)} is installed, in namespaces {own_name(settings)}-*, and removed afterwards."


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
