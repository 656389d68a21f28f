"""A session that cannot be collected, crashes, is interrupted or killed is a harness error, never a verdict on the system."""

import pytest

from tests.unit.pytest_plugin.conftest import RIGHT, RunFeature, has_harness_error, not_proven
from validation.record.results import Verdict


def test_a_mistyped_tag_is_a_harness_error_not_an_interruption(run_feature: RunFeature) -> None:
    ended = run_feature("@cp_5_11\n" + RIGHT.strip())
    has_harness_error(ended, "'cp_5_11' not found in `markers` configuration option")
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN
    assert ended.code == 0, "130 would mean Ctrl-C"


def test_a_scenario_without_a_checkpoint_is_a_harness_error(run_feature: RunFeature) -> None:
    has_harness_error(run_feature(RIGHT, tags="@phase_5"), "has no checkpoint")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_feature_with_a_syntax_error_is_a_harness_error(run_feature: RunFeature, processes: int) -> None:
    ended = run_feature("Scenario: S\n  Given a system\n  Whatever it is right", processes=processes)
    has_harness_error(ended, "could not be collected")


def test_a_step_module_that_cannot_be_imported_is_a_harness_error(run_feature: RunFeature) -> None:
    has_harness_error(run_feature(RIGHT, "import no_such_module"), "The run was cut off")


@pytest.mark.parametrize("hook", ["pytest_bdd_after_scenario", "pytest_runtest_logreport", "pytest_collection_modifyitems"])
def test_a_crash_of_a_plugin_is_a_harness_error(run_feature: RunFeature, hook: str) -> None:
    ended = run_feature(RIGHT, conftest=f'def {hook}():\n    raise RuntimeError("the plugin fell over")')
    assert ended.run.harness_failed
    assert ended.run.exit_code == 3
    assert "the plugin fell over" in " ".join([*ended.run.harness_errors, ended.checkpoint.reason])


def test_a_crash_of_a_plugin_at_the_end_is_a_harness_error(run_feature: RunFeature) -> None:
    ended = run_feature(RIGHT, conftest='def pytest_sessionfinish():\n    raise RuntimeError("the plugin fell over")')
    assert ended.code != 0 or ended.run.harness_failed


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", 'pytest.exit("enough")'])
def test_an_interrupted_run_has_no_verdict(run_feature: RunFeature, how: str) -> None:
    steps = f"""
    @when("the user presses Ctrl-C")
    def presses():
        {how}
    """
    ended = run_feature(RIGHT + "\nScenario: T\n  Then it is right\n  When the user presses Ctrl-C", steps)
    has_harness_error(ended, "The run was interrupted")
    assert ended.code == 130


def test_a_checkpoint_whose_other_scenario_never_started_is_not_proven(run_feature: RunFeature) -> None:
    steps = """
    @when("the user presses Ctrl-C")
    def presses():
        raise KeyboardInterrupt
    """
    other = "\nScenario: T\n  When the user presses Ctrl-C\nScenario: U\n  Then it is right"
    ended = run_feature(RIGHT + other, steps)
    planned = {s.name: s.reason for s in ended.checkpoint.scenarios}
    assert planned.get("U") == "The scenario was planned and never started."


def test_teardown_after_an_interruption_is_recorded(run_feature: RunFeature) -> None:
    conftest = """
    import pytest

    @pytest.fixture(scope="session", autouse=True)
    def a_server(measure, request):
        yield
        measure("server stopped", 0.1, "s")
    """
    steps = """
    @when("the user presses Ctrl-C")
    def presses():
        raise KeyboardInterrupt
    """
    ended = run_feature("Scenario: S\n  When the user presses Ctrl-C", steps, conftest=conftest)
    assert ended.code == 130, ended.output
    assert "server stopped" in [m.name for m in ended.run.measurements]


def test_a_killed_process_leaves_a_record_without_an_end(run_feature: RunFeature) -> None:
    steps = """
    import os

    @when("the harness is killed")
    def killed():
        os.kill(os.getpid(), 9)
    """
    ended = run_feature("Scenario: S\n  Then it is right\n  When the harness is killed", steps)
    has_harness_error(ended, "The run was cut off: its record has no end.")
    not_proven(ended, "The scenario started and never finished.")


TWO_RED_ONE_GREEN = "Scenario: First\n  Then it is wrong\n\nScenario: Second\n  Then it is wrong\n\nScenario: Third\n  Then it is right"


def test_every_scenario_of_a_failed_checkpoint_runs(run_feature: RunFeature) -> None:
    ended = run_feature(TWO_RED_ONE_GREEN)
    assert [one.outcome for one in ended.checkpoint.scenarios] == ["failed", "failed", "passed"]


def test_with_fail_fast_a_failed_checkpoint_runs_no_further_scenario(run_feature: RunFeature) -> None:
    ended = run_feature(TWO_RED_ONE_GREEN, flags=["fail_fast"])
    assert ended.checkpoint.verdict is Verdict.FAILED
    assert (len(ended.checkpoint.findings), ended.run.exit_code, ended.run.harness_failed) == (1, 1, False)


def test_with_fail_fast_scenarios_before_the_first_finding_run(run_feature: RunFeature) -> None:
    scenarios = RIGHT + "\nScenario: Second\n  Then it is right\n\nScenario: Third\n  Then it is wrong"
    ended = run_feature(scenarios, flags=["fail_fast"])
    assert [one.outcome for one in ended.checkpoint.scenarios] == ["passed", "passed", "failed"]


OUTLINE = """
Scenario Outline: <what> is well
  Given a system
  Then it is right

  Examples:
    | what |
    | a    |

  @thorough
  Examples:
    | what |
    | b    |
"""


@pytest.mark.parametrize(("flags", "scenarios"), [([], 2), (["quick"], 1)])
def test_a_quick_run_skips_thorough_scenarios(run_feature: RunFeature, flags: list[str], scenarios: int) -> None:
    assert len(run_feature(OUTLINE, flags=flags).checkpoint.scenarios) == scenarios


def test_a_quick_run_of_only_thorough_scenarios_proves_nothing(run_feature: RunFeature) -> None:
    assert run_feature("@thorough\n" + RIGHT.strip(), flags=["quick"]).checkpoint.verdict is Verdict.NOT_PROVEN


def test_after_the_first_finding_nothing_else_runs(run_feature: RunFeature) -> None:
    scenarios = RIGHT + "\nScenario: Second\n  Then it is wrong\n\nScenario: Third\n  Then it is wrong"
    ended = run_feature(scenarios, flags=["first_finding"])
    assert [one.outcome for one in ended.checkpoint.scenarios] == ["passed", "failed", "not_proven"]
    assert (len(ended.checkpoint.findings), ended.run.exit_code, ended.run.harness_failed) == (1, 1, False)


LATE = """
@then("it is late")
def it_is_late(observe):
    observe._machine = lambda: "others saturated it"
    observe("seconds", expected=1, observed=2, timed=True)
"""


@pytest.mark.parametrize("flag", ["first_finding", "fail_fast"])
def test_a_time_limit_missed_on_a_busy_machine_does_not_end_a_run(run_feature: RunFeature, flag: str) -> None:
    ended = run_feature("Scenario: First\n  Then it is late\n\nScenario: Second\n  Then it is wrong", LATE, flags=[flag])
    assert [one.outcome for one in ended.checkpoint.scenarios] == ["not_proven", "failed"]


BACKGROUND = """
@given("a fault struck long ago")
def struck(attribute):
    attribute(300.0, 0.0)

@given("the scenario waited for its turn")
def waited(attribute):
    import time
    begun = time.monotonic()
    time.sleep(0.6)
    attribute(0.0, time.monotonic() - begun)
"""


def test_work_in_the_background_counts_for_the_scenario_that_asked_for_it(run_feature: RunFeature) -> None:
    scenarios = """
Scenario: Struck
  Given a fault struck long ago
  Then it is right

Scenario: Waited
  Given the scenario waited for its turn
  Then it is right
"""
    ended = run_feature(scenarios, BACKGROUND)
    struck, waited = (scenario.seconds for scenario in ended.checkpoint.scenarios)
    assert 300 < struck < 310
    assert 0 <= waited < 0.5
    assert ended.checkpoint.seconds == struck + waited
    assert ended.run.seconds < 60
