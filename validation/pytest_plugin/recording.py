"""Records each scenario, and rejects a step that could pass without an observation."""

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from pytest_bdd.parser import Feature, Step
from pytest_bdd.parser import Scenario as BddScenario
from pytest_bdd.scenario import find_fixturedefs_for_step

from validation.core import environment, inputs, interruption, waiting
from validation.core.errors import Finding, HarnessError, NotProven
from validation.core.settings import PROJECT
from validation.probes.running.host import Watch
from validation.pytest_plugin import moment, undefined
from validation.pytest_plugin.items import checkpoints_of, example_of, fidelity_of, is_scenario, name_of, template_name_of, template_of
from validation.pytest_plugin.red import is_printed, red, where
from validation.pytest_plugin.requirements import record_required
from validation.pytest_plugin.stash import (
    BACKGROUND,
    FAILED,
    OBSERVE,
    OUTCOME,
    PROGRESS,
    RECORDER,
    SETTINGS,
    WAITS,
    WATCH,
    Progress,
    evidence_of,
    recorder_of,
)
from validation.record.events import Finished, Planned, Started, text
from validation.record.locations import named_file
from validation.record.observe import Observe
from validation.record.recorder import Recorder
from validation.record.runs import open_record
from validation.registry.checkpoints import registry


def pytest_collection_finish(session: pytest.Session) -> None:
    """Record the planned scenarios. Plain pytest brings neither a record nor an environment of the harness."""
    scenarios = {item: template for item in session.items if (template := template_of(item))}
    if not scenarios or session.config.option.collectonly:
        return
    if RECORDER not in session.config.stash:
        scope = [i for i in registry() if any(registry()[i] in checkpoints_of(item) for item in scenarios)]
        settings = session.config.stash[SETTINGS]
        stack = ExitStack()
        stack.enter_context(environment.adopted())
        session.config.add_cleanup(stack.close)
        session.config.stash[RECORDER] = open_record(settings, scope, waivers=[])
        record_required(session.config.stash[RECORDER], PROJECT, settings, scope)
    recorder = recorder_of(session.config)
    for item, template in scenarios.items():
        written = (template.feature.rel_filename, dict(example_of(item)), template.name)
        recorder.emit(Planned(item.nodeid, name_of(item), [c.id for c in checkpoints_of(item)], *written))
    _stop_if_useless(session, recorder)


def _stop_if_useless(session: pytest.Session, recorder: Recorder) -> None:
    """Start no further scenario if its record cannot be written, or after a signal whose KeyboardInterrupt a library discarded."""
    if recorder.lost or interruption.received():
        session.shouldstop = "the record cannot be written" if recorder.lost else "a signal arrived"


def pytest_bdd_before_scenario(request: pytest.FixtureRequest, feature: Feature, scenario: BddScenario) -> None:
    """Record the start of a scenario."""
    item, recorder = request.node, recorder_of(request.config)
    if WATCH not in request.config.stash:
        request.config.stash[WATCH] = Watch(request.config.stash[SETTINGS])
    watch, locate = request.config.stash[WATCH].since_now(), partial(named_file, request.config.stash[SETTINGS].source)
    kept = evidence_of(request.config)
    item.stash[OBSERVE] = Observe(item.nodeid, recorder.emit, inputs.begin(), watch, locate, keep=kept.keep, keep_picture=kept.keep_picture)
    item.stash[PROGRESS] = Progress(feature, scenario)
    moment.begin(item)
    written = (feature.rel_filename, dict(example_of(item)), template_name_of(item))
    item.stash[WAITS] = waiting.paused_seconds(), len(waiting.waits_in_vain())
    recorder.emit(Started(item.nodeid, scenario.name, [c.id for c in checkpoints_of(item)], *written, at=_now()))


def pytest_bdd_step_func_lookup_error(request: pytest.FixtureRequest, feature: Feature, step: Step) -> None:
    """Leave a scenario with an undefined step NOT PROVEN, with the Python to paste: it cannot look at anything, and nothing has crashed."""
    request.node.stash[PROGRESS].current = step
    raise NotProven(undefined.reason(step, where(feature, step, request.config.rootpath)))


def pytest_bdd_before_step(request: pytest.FixtureRequest, step: Step) -> None:
    """Reject a step with two definitions: pytest-bdd would silently run one of them."""
    request.node.stash[PROGRESS].current = step
    definitions = list(find_fixturedefs_for_step(step, request._fixturemanager, request.node))  # noqa: SLF001 - pytest has no public way
    if len(definitions) > 1:
        raise HarnessError(
            f'The step "{step.name}" has {len(definitions)} definitions.', "one shadows the other", f"grep -rn '{step.name}' features"
        )
    request.node.stash[OBSERVE].begin(f"{step.keyword} {step.name}")


def pytest_bdd_before_step_call(step: Step, step_func: Callable[..., object]) -> None:
    """Reject an async step: pytest-bdd does not await it, so that it would pass whatever it asserts."""
    if inspect.iscoroutinefunction(step_func) or inspect.isasyncgenfunction(step_func):
        raise HarnessError(f'The step "{step.name}" is async, and nothing awaits it.', "", "call the probes, which are synchronous")


def pytest_bdd_after_step(request: pytest.FixtureRequest, step: Step) -> None:
    """Reject a Then step without an observation."""
    if step.type == "then" and not request.node.stash[OBSERVE].in_step:
        raise NotProven(f'The step "{step.name}" observed nothing.')


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Combine setup, call and teardown of a scenario into one outcome, the worst of the three, and record it."""
    result: Any = yield
    if not is_scenario(item):
        return
    report: pytest.TestReport = result.get_result()
    outcome, reason = _outcome(call, report)
    if outcome in {"failed", "error"}:
        moment.take(item)
    if report.failed and call.excinfo and is_printed(item.config):
        report.longrepr = red(item, call.excinfo)  # type: ignore[assignment] # pytest prints whatever has `toterminal`
    if outcome == "failed" and not _excused(call):
        item.config.stash[FAILED].update(c.id for c in checkpoints_of(item))
    earlier, earlier_reason, seconds = item.stash.get(OUTCOME, ("passed", "", 0.0))
    if earlier != "passed":
        outcome, reason = earlier, earlier_reason
    item.stash[OUTCOME] = (outcome, reason, seconds + call.duration)
    if call.when == "teardown":
        recorder = recorder_of(item.config)
        if OBSERVE not in item.stash:  # setup failed before the scenario started
            recorder.emit(Started(item.nodeid, item.name, [c.id for c in checkpoints_of(item)], str(item.path), at=_now()))
        outcome, reason, seconds = item.stash[OUTCOME]
        seconds += item.stash.get(BACKGROUND, 0.0)
        paused, in_vain = item.stash.get(WAITS, (waiting.paused_seconds(), len(waiting.waits_in_vain())))
        waits = round(waiting.paused_seconds() - paused, 3), list(waiting.waits_in_vain()[in_vain:])
        recorder.emit(Finished(item.nodeid, outcome, text(reason), round(seconds, 3), fidelity_of(item), _now(), *waits))
        _stop_if_useless(item.session, recorder)


def _now() -> float:
    return round(time.time(), 3)


def _excused(call: pytest.CallInfo[None]) -> bool:
    """Return whether a finding is nothing but time limits missed while others saturated this machine. It proves and ends nothing."""
    error = call.excinfo.value if call.excinfo else None
    return isinstance(error, Finding) and bool(error.observations) and all(getattr(one, "machine", "") for one in error.observations)


def _outcome(call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[str, str]:
    if hasattr(report, "wasxfail"):
        return "not_proven", f"Marked as expected to fail: {report.wasxfail}"
    if call.excinfo is None:
        return ("passed", "") if report.passed else ("not_proven", f"pytest reports it as {report.outcome}: {report.longreprtext}")
    error = call.excinfo.value
    if isinstance(error, Finding):
        return "failed", str(error)
    if isinstance(error, NotProven):
        return "not_proven", str(error)
    if report.skipped:
        return "not_proven", f"Skipped: {error}"
    return "error", f"The harness failed: {error if isinstance(error, HarnessError) else f'{type(error).__name__}: {error}'}"
