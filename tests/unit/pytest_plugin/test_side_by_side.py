"""Scenarios that run in several processes make one record, whatever becomes of a process."""

import pytest

from tests.unit.pytest_plugin.conftest import RunFeature, has_harness_error
from validation.record.results import Verdict
from validation.record.verdicts import RunVerdict

TWO = """
Scenario: One
  Given a system
  Then it is right
Scenario: Two
  When {}
  Then it is {}
"""
STEPS = """
import os, signal
from pathlib import Path

@when("it is watched")
def watched(measure):
    pass

@when("its process dies")
def dies():
    os._exit(7)

@when("the run is interrupted")
def interrupted(measure):
    import time
    end = time.monotonic() + 30
    while len(list(Path().glob("server-*"))) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(30)
"""
SERVER = """
import os
from pathlib import Path
import pytest

@pytest.fixture(scope="session", autouse=True)
def a_server(measure):
    measure("process", os.getpid(), "")
    Path(f"server-{os.getpid()}").touch()
    yield
    measure("server stopped", 0.1, "s")
"""


def run(run_feature: RunFeature, when: str, then: str = "right", processes: int = 2):  # type: ignore[no-untyped-def] # noqa: ANN201
    return run_feature(TWO.format(when, then), STEPS, conftest=SERVER, processes=processes)


def test_each_scenario_runs_once_in_one_of_the_processes(run_feature: RunFeature) -> None:
    ended = run(run_feature, "it is watched")
    assert ended.checkpoint.verdict is Verdict.PASSED
    assert [len(one.observations) for one in ended.checkpoint.scenarios] == [1, 1]
    assert not ended.run.harness_errors
    processes = {one.value for one in ended.run.measurements if one.name.startswith("process")}
    assert len(processes) == 2
    stopped = sorted(one.name for one in ended.run.measurements if one.name.startswith("server stopped"))
    assert stopped in (["server stopped", f"server stopped, process {number}"] for number in (1, 2))


def test_a_finding_of_any_process_fails_the_checkpoint(run_feature: RunFeature) -> None:
    ended = run(run_feature, "it is watched", "wrong")
    assert ended.checkpoint.verdict is Verdict.FAILED
    assert ended.run.verdict is RunVerdict.NO_GO


def test_a_process_that_dies_is_a_harness_error_and_the_others_go_on(run_feature: RunFeature) -> None:
    ended = run(run_feature, "its process dies")
    has_harness_error(ended, "which ran a part of the scenarios, ended early, with exit code 7")
    assert {one.name: one.outcome for one in ended.checkpoint.scenarios}["One"] == "passed"
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN


def test_an_interrupted_run_waits_for_the_cleanup_of_each_process(run_feature: RunFeature) -> None:
    ended = run(run_feature, "the run is interrupted")
    has_harness_error(ended, "The run was interrupted")
    assert ended.code == 130
    assert sum(one.name.startswith("server stopped") for one in ended.run.measurements) == 2


@pytest.mark.parametrize("processes", [2, 3, 16])
def test_more_processes_than_scenarios_are_not_started(run_feature: RunFeature, processes: int) -> None:
    ended = run(run_feature, "it is watched", processes=processes)
    assert len({one.value for one in ended.run.measurements if one.name.startswith("process")}) == 2
    assert ended.checkpoint.verdict is Verdict.PASSED
