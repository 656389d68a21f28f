"""The pytest plugin: it turns pytest-bdd's hooks into recorded events, and refuses every way to be green without having looked."""

import inspect
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd.parser import Feature, Step
from pytest_bdd.parser import Scenario as BddScenario
from pytest_bdd.scenario import find_fixturedefs_for_step

from validation.core.errors import Finding, HarnessError, NotProven, UsageError
from validation.core.settings import PROJECT, SHIPPED_TARGETS, RunSettings
from validation.pytest_plugin.items import (
    AT_CLUSTER,
    NEEDS_TAGS,
    THOROUGH,
    checkpoints_of,
    fidelity_of,
    is_scenario,
    lacks_rows,
    needs_of,
    place_of,
    steps_of,
    template_of,
)
from validation.record.observe import Observe
from validation.record.recorder import Finished, HarnessFailed, Measured, Planned, Recorder, RunFinished, Snapshot, Started, text
from validation.record.runs import RECORDER, SETTINGS, new_run_id, open_record
from validation.registry.checkpoints import registry
from validation.targets.base import Target
from validation.targets.lifetime import lasting
from validation.targets.opening import open_target

OBSERVE = pytest.StashKey[Observe]()
BEGUN = pytest.StashKey[float]()
OUTCOME = pytest.StashKey[tuple[str, str, float]]()
FAILED = pytest.StashKey[set[str]]()
"""The checkpoints with a finding."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the same target options as `votecheck run`."""
    group = parser.getgroup("votecheck")
    group.addoption("--target", default="local", choices=SHIPPED_TARGETS, help="where the system runs")
    group.addoption("--source", default=None, help="the folder whose system/ and chart/ are judged")
    for name in ("api", "redis", "database"):
        group.addoption(f"--{name}-url", default="", help=f"somebody else's {name}: observed, voted on, never destroyed")


def pytest_configure(config: pytest.Config) -> None:
    """Register the tags as marks, so that a mistyped tag is a collection error, and take the settings."""
    for checkpoint in registry().values():
        config.addinivalue_line("markers", f"{checkpoint.mark}: checkpoint {checkpoint.id}, {checkpoint.title}")
    for phase in {c.phase for c in registry().values()}:
        config.addinivalue_line("markers", f"phase_{phase}: phase {phase} of the protocol")
    for tag, name in NEEDS_TAGS.items():
        config.addinivalue_line("markers", f"{tag}: runs at targets that show {name}")
    config.addinivalue_line("markers", f"{AT_CLUSTER}: runs once more, at what is installed in the cluster")
    config.addinivalue_line("markers", f"{THOROUGH}: like another scenario but for what it happens to; left out by --quick")
    config.addinivalue_line("markers", "reconstructed: counted by the original protocol and not written down there")
    if SETTINGS not in config.stash:
        config.stash[SETTINGS] = _settings_of(config)
    config.stash.setdefault(RECORDER, None)
    config.stash[BEGUN] = time.monotonic()
    config.stash[FAILED] = set()
    config.pluginmanager.register(CrashWatch(config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the scenarios that need another kind of target, or more time; refuse a scenario that belongs to no checkpoint."""
    shows, quick = config.stash[SETTINGS].shows, config.stash[SETTINGS].quick
    out = [
        item
        for item in filter(is_scenario, items)
        if not shows.intersection(needs_of(item)) or (quick and item.get_closest_marker(THOROUGH))
    ]
    for item in filter(is_scenario, items):
        if not checkpoints_of(item):
            raise UsageError(f"Scenario {item.nodeid} belongs to no checkpoint.", "its Rule has no @cp_ tag", "votecheck list")
        if lacks_rows(item):
            raise UsageError(
                f"Scenario {item.nodeid} is an outline without a row.", "its Examples are empty: it would run once, as it stands"
            )
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Record which scenarios are to run, in a record of its own when features run by plain pytest, which brings none."""
    scenarios = {item: template for item in session.items if (template := template_of(item))}
    if not scenarios or session.config.option.collectonly:
        return
    if session.config.stash[RECORDER] is None:
        scope = [i for i in registry() if any(registry()[i] in checkpoints_of(item) for item in scenarios)]
        session.config.stash[RECORDER] = open_record(session.config.stash[SETTINGS], scope, waivers=[])
    recorder = _recorder(session.config)
    for item, template in scenarios.items():
        recorder.emit(Planned(item.nodeid, template.name, [c.id for c in checkpoints_of(item)], template.feature.rel_filename))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Leave out a scenario whose checkpoints have failed already, where a first finding is enough."""
    enough = item.config.stash[SETTINGS].fail_fast and is_scenario(item)
    return True if enough and {c.id for c in checkpoints_of(item)} <= item.config.stash[FAILED] else None


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> RunSettings:
    """The settings of the run."""
    return request.config.stash[SETTINGS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let the scenarios that are tagged so run once more, at what is installed in the cluster."""
    tags = {mark.name for mark in metafunc.definition.iter_markers()}
    if AT_CLUSTER in tags and "cluster" in metafunc.config.stash[SETTINGS].shows:
        metafunc.parametrize("place", ["target", "installed"], indirect=True)


@pytest.fixture(autouse=True)
def place(request: pytest.FixtureRequest) -> str:
    """The fixture with the system that a scenario votes on."""
    return place_of(request.node)


@pytest.fixture(scope="session")
def planned_steps(request: pytest.FixtureRequest) -> list[str]:
    """The steps of this session's scenarios, as they will run: for what can begin before its turn."""
    return [step.name for item in request.session.items for step in steps_of(item)]


@pytest.fixture(scope="session")
def measure(request: pytest.FixtureRequest) -> Callable[[str, float, str], None]:
    """Record a number for the report: name, value, unit."""
    recorder = _recorder(request.config)
    return lambda name, value, unit: recorder.emit(Measured(name, round(value, 4), unit))


@pytest.fixture(scope="session")
def leftovers(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Record what could not be cleaned: it is trouble."""
    recorder = _recorder(request.config)
    return lambda what: recorder.emit(HarnessFailed(f"Not cleaned up: {what}"))


@pytest.fixture(scope="session")
def target(settings: RunSettings, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]) -> Iterator[Target]:
    """The running target, started once a session; what cannot be cleaned is trouble."""
    with lasting(open_target(settings), measure, leftovers, ready="target ready", gone="target stopped") as opened:
        yield opened


@pytest.fixture
def went_wrong(request: pytest.FixtureRequest) -> Callable[[], bool]:
    """Tell, while a scenario is taken down, whether it found something wrong, or the harness failed."""
    return lambda: request.node.stash.get(OUTCOME, ("", "", 0.0))[0] in {"failed", "error"}


@pytest.fixture(scope="session")
def keep(request: pytest.FixtureRequest) -> Callable[[str, list[str]], None]:
    """Record the files of a snapshot of a scenario."""
    recorder = _recorder(request.config)
    return lambda scenario, files: recorder.emit(Snapshot(scenario, files))


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Observe:
    """The one way to assert in a step."""
    of_scenario: Observe = request.node.stash[OBSERVE]
    return of_scenario


def pytest_bdd_before_scenario(request: pytest.FixtureRequest, feature: Feature, scenario: BddScenario) -> None:
    """Announce the scenario."""
    item, recorder = request.node, _recorder(request.config)
    item.stash[OBSERVE] = Observe(item.nodeid, recorder.emit)
    recorder.emit(Started(item.nodeid, scenario.name, [c.id for c in checkpoints_of(item)], feature.rel_filename))


def pytest_bdd_before_step(request: pytest.FixtureRequest, step: Step) -> None:
    """Refuse a step whose text fits two definitions: pytest-bdd would silently take one of them."""
    definitions = list(find_fixturedefs_for_step(step, request._fixturemanager, request.node))  # noqa: SLF001 - pytest has no public way
    if len(definitions) > 1:
        raise HarnessError(
            f"The step «{step.name}» has {len(definitions)} definitions.", "one shadows the other", f"grep -rn '{step.name}' features"
        )
    request.node.stash[OBSERVE].begin(f"{step.keyword} {step.name}")


def pytest_bdd_before_step_call(step: Step, step_func: Callable[..., object]) -> None:
    """Refuse an async step: nobody awaits it, so it would pass whatever it asserts."""
    if inspect.iscoroutinefunction(step_func) or inspect.isasyncgenfunction(step_func):
        raise HarnessError(f"The step «{step.name}» is async, and nothing awaits it.", "use the portal of the probes instead")


def pytest_bdd_after_step(request: pytest.FixtureRequest, step: Step) -> None:
    """Refuse a Then that looked at nothing."""
    if step.type == "then" and not request.node.stash[OBSERVE].in_step:
        raise NotProven(f"The step «{step.name}» observed nothing.")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn what happened in each stage of a scenario into its outcome; the worst stage counts."""
    result: Any = yield
    if not is_scenario(item):
        return
    report: pytest.TestReport = result.get_result()
    outcome, reason = _outcome(call, report)
    before, why, seconds = item.stash.get(OUTCOME, ("passed", "", 0.0))
    if before != "passed":
        outcome, reason = before, why
    item.stash[OUTCOME] = (outcome, reason, seconds + call.duration)
    if call.when == "teardown":
        recorder = _recorder(item.config)
        if OBSERVE not in item.stash:  # it failed before it began
            recorder.emit(Started(item.nodeid, item.name, [c.id for c in checkpoints_of(item)], str(item.path)))
        outcome, reason, seconds = item.stash[OUTCOME]
        item.config.stash[FAILED].update(c.id for c in checkpoints_of(item) if outcome == "failed")
        recorder.emit(Finished(item.nodeid, outcome, text(reason), round(seconds, 3), fidelity_of(item)))


def _outcome(call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[str, str]:
    if hasattr(report, "wasxfail"):
        return "not_proven", f"Marked as expected to fail: {report.wasxfail}"
    if call.excinfo is None:
        return ("passed", "") if report.passed else ("not_proven", f"pytest calls it {report.outcome}: {report.longreprtext}")
    error = call.excinfo.value
    if isinstance(error, Finding):
        return "failed", str(error)
    if isinstance(error, NotProven):
        return "not_proven", str(error)
    if report.skipped:
        return "not_proven", f"Skipped: {error}"
    return "error", f"The harness failed: {error if isinstance(error, HarnessError) else f'{type(error).__name__}: {error}'}"


class CrashWatch:
    """Writes into the record what ends a session early."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def _trouble(self, what: str) -> None:
        recorder = self._config.stash[RECORDER]
        if recorder is not None:
            recorder.emit(HarnessFailed(text(what)))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A crash of the harness is trouble, not silence."""
        self._trouble(f"The harness crashed: {excinfo.typename}: {excinfo.value}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A feature that cannot be collected is trouble, not a smaller run."""
        if report.failed:
            self._trouble(f"{report.nodeid} could not be collected: {_last_line(report.longreprtext)}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A run that ended early is trouble, whoever ended it."""
        self._trouble(f"The run was interrupted: {str(excinfo.value) or excinfo.typename}.")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Seal the record, after the fixtures of an interrupted session were taken down."""
        recorder = self._config.stash[RECORDER]
        if recorder is not None:
            recorder.emit(Measured("memory of the harness, at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB"))
            recorder.emit(RunFinished(round(time.monotonic() - self._config.stash[BEGUN], 2)))
            recorder.close()


def _last_line(trace: str) -> str:
    return next((line.strip().removeprefix("E ").strip() for line in reversed(trace.splitlines()) if line.startswith("E ")), trace[-300:])


def _recorder(config: pytest.Config) -> Recorder:
    recorder = config.stash[RECORDER]
    if recorder is None:
        raise HarnessError("There is no record to write to.")
    return recorder


def _settings_of(config: pytest.Config) -> RunSettings:
    option = config.option
    return RunSettings(
        source=Path(option.source or PROJECT).resolve(),
        target=option.target,
        api_url=option.api_url,
        redis_url=option.redis_url,
        database_url=option.database_url,
        run=new_run_id(),
    )
