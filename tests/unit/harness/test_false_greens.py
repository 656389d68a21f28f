"""Every known way in which a scenario could be green without having looked, through the real plugin: none of them is."""

import pytest

from tests.unit.harness.conftest import Ended, RunFeature
from validation.verdicts import RunVerdict, Verdict

RIGHT = """
Scenario: All is well
  Given a system
  Then it is right
"""


def not_proven(ended: Ended, reason: str) -> None:
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN
    assert reason in ended.checkpoint.reason
    assert ended.run.verdict is RunVerdict.INCOMPLETE
    assert ended.run.exit_code == 3


def in_trouble(ended: Ended, trouble: str) -> None:
    assert any(trouble in t for t in ended.run.troubles), ended.run.troubles
    assert ended.run.harness_failed
    assert ended.run.verdict is RunVerdict.INCOMPLETE
    assert ended.run.exit_code == 3


def test_a_scenario_that_looked_and_saw_nothing_wrong_passes(run_feature: RunFeature) -> None:
    ended = run_feature(RIGHT)
    assert ended.checkpoint.verdict is Verdict.PASSED
    assert ended.checkpoint.observations == 1
    assert ended.checkpoint.scenarios[0].observations[0].step == "Then it is right"
    assert (ended.run.verdict, ended.run.exit_code, ended.run.troubles) == (RunVerdict.GO, 0, ())
    assert ended.code == 0


def test_a_wrong_observation_fails(run_feature: RunFeature) -> None:
    ended = run_feature("Scenario: S\n  Then it is wrong")
    assert ended.checkpoint.verdict is Verdict.FAILED
    (finding,) = ended.checkpoint.findings
    assert (finding.expected, finding.observed, finding.remedy) == ("green", "red", "paint it")
    assert (ended.run.verdict, ended.run.exit_code, ended.run.harness_failed) == (RunVerdict.NO_GO, 1, False)


def test_a_wrong_observation_that_a_step_swallows_fails(run_feature: RunFeature) -> None:
    steps = """
    @then("it looks away")
    def looks_away(observe):
        try:
            observe("colour", expected="green", observed="red")
        except AssertionError:
            pass
    """
    assert run_feature("Scenario: S\n  Then it looks away\n  And it is right", steps).checkpoint.verdict is Verdict.FAILED


def test_together_reports_everything_that_is_wrong(run_feature: RunFeature) -> None:
    steps = """
    @then("all is wrong")
    def all_is_wrong(observe):
        with observe.together():
            observe("one", expected=1, observed=10)
            observe("two", expected=2, observed=2)
            observe("three", expected=3, observed=30)
        raise ValueError("this line is not reached")
    """
    ended = run_feature("Scenario: S\n  Then all is wrong", steps)
    assert [f.subject for f in ended.checkpoint.findings] == ["one", "three"]
    assert "one: expected 1, observed 10; three: expected 3, observed 30" in ended.checkpoint.reason


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ('pytest.skip("no proxy here")', "Skipped: no proxy here"),
        ('pytest.importorskip("no_such_module")', "Skipped: could not import"),
        ('pytest.xfail("known to be broken")', "Marked as expected to fail: known to be broken"),
        ('raise NotProven("the cluster does not say")', "the cluster does not say"),
        ('raise HarnessError("The probe is broken.")', "The harness failed: The probe is broken."),
        ("assert 1 == 2", "The harness failed: AssertionError"),
        ("raise SystemExit(0)", "The harness failed: SystemExit: 0"),
        ("1 / 0", "The harness failed: ZeroDivisionError"),
    ],
    ids=["skip", "importorskip", "xfail", "NotProven", "HarnessError", "assert", "SystemExit", "exception"],
)
def test_a_step_that_gives_up_after_it_was_right_is_not_proven(run_feature: RunFeature, how: str, said: str) -> None:
    steps = f"""
    @when("it gives up")
    def gives_up():
        {how}
    """
    ended = run_feature("Scenario: S\n  Then it is right\n  When it gives up", steps)
    not_proven(ended, said)
    assert ended.run.harness_failed is said.startswith("The harness failed")


@pytest.mark.parametrize("tag", ["@skip", "@xfail"])
def test_a_scenario_that_is_tagged_away_is_not_proven(run_feature: RunFeature, tag: str) -> None:
    assert run_feature(f"{tag}\n{RIGHT.strip()}").checkpoint.verdict is Verdict.NOT_PROVEN


def test_a_wrong_observation_under_xfail_fails_all_the_same(run_feature: RunFeature) -> None:
    assert run_feature("@xfail\nScenario: S\n  Then it is wrong").checkpoint.verdict is Verdict.FAILED


def test_an_undefined_step_is_not_proven(run_feature: RunFeature) -> None:
    ended = run_feature("Scenario: S\n  Then it is right\n  And nobody wrote this step")
    not_proven(ended, "StepDefinitionNotFoundError")
    assert ended.run.harness_failed


GREEN_AGAIN = """
@then({text})
def green_again(observe):
    observe("colour", expected="green", observed="green")
"""


@pytest.mark.parametrize(
    "parts",
    [
        {"steps": GREEN_AGAIN.format(text='"it is right"')},
        {"more_steps": GREEN_AGAIN.format(text='"it is right"')},
        {"steps": GREEN_AGAIN.format(text='parsers.parse("it is {colour}")')},
        {"more_steps": GREEN_AGAIN.format(text='parsers.re("it is .*")')},
    ],
    ids=["in one module", "in two modules", "by a pattern", "by a pattern in another module"],
)
def test_a_step_with_two_definitions_is_not_proven(run_feature: RunFeature, parts: dict[str, str]) -> None:
    ended = run_feature("Scenario: S\n  Then it is right", **parts)
    not_proven(ended, "The step «it is right» has 2 definitions.")
    assert ended.run.harness_failed


def test_a_step_that_is_a_given_and_a_when_is_one_definition(run_feature: RunFeature) -> None:
    steps = """
    @given("it is cold")
    @when("it is cold")
    def cold():
        pass
    """
    assert run_feature("Scenario: S\n  Given it is cold\n  Then it is right", steps).checkpoint.verdict is Verdict.PASSED


def test_an_async_step_is_not_proven(run_feature: RunFeature) -> None:
    steps = """
    @then("it is right in a while")
    async def right_in_a_while(observe):
        observe("colour", expected="green", observed="red")
    """
    not_proven(run_feature("Scenario: S\n  Then it is right in a while", steps), "is async, and nothing awaits it")


@pytest.mark.parametrize("call", ["look(observe)", "return look(observe)"], ids=["dropped", "returned"])
def test_a_coroutine_that_nobody_awaits_is_not_proven(run_feature: RunFeature, call: str) -> None:
    steps = f"""
    async def look(observe):
        observe("colour", expected="green", observed="red")

    @when("it is looked at")
    def looked_at(observe):
        {call}
    """
    not_proven(run_feature("Scenario: S\n  When it is looked at\n  Then it is right", steps), "coroutine object look")


def test_a_then_that_observes_nothing_is_not_proven(run_feature: RunFeature) -> None:
    steps = """
    @then("it is hoped for")
    def hoped_for():
        pass
    """
    ended = run_feature("Scenario: S\n  Then it is right\n  And it is hoped for", steps)
    not_proven(ended, "The step «it is hoped for» observed nothing.")
    assert not ended.run.harness_failed


def test_a_scenario_without_an_observation_is_not_proven(run_feature: RunFeature) -> None:
    not_proven(run_feature("Scenario: S\n  Given a system"), "The scenario passed without a single observation.")


def test_one_open_scenario_keeps_its_checkpoint_from_passing(run_feature: RunFeature) -> None:
    not_proven(run_feature(RIGHT + "\nScenario: T\n  Given a system"), "without a single observation")


@pytest.mark.parametrize(
    ("fixture", "said"),
    [
        ('raise OSError("no socket")', "The harness failed: OSError: no socket"),
        ('yield\n        raise OSError("not taken back")', "The harness failed: OSError: not taken back"),
        ('pytest.skip("not today")\n        yield', "Skipped: not today"),
        ('yield\n        pytest.skip("not today")', "Skipped: not today"),
    ],
    ids=["setup", "teardown", "skip in setup", "skip in teardown"],
)
def test_a_fixture_that_fails_leaves_its_scenario_not_proven(run_feature: RunFeature, fixture: str, said: str) -> None:
    conftest = f"""
    import pytest

    @pytest.fixture(autouse=True)
    def around():
        {fixture}
    """
    not_proven(run_feature(RIGHT, conftest=conftest), said)


def test_a_wrong_observation_in_a_teardown_fails(run_feature: RunFeature) -> None:
    steps = """
    @given("a look back")
    def look_back(observe, request):
        request.addfinalizer(lambda: observe("colour", expected="green", observed="red"))
    """
    ended = run_feature("Scenario: S\n  Given a look back\n  Then it is right", steps)
    assert ended.checkpoint.verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "rows", ["Examples:\n    | what |", "Examples:", "", "Examples:\n    | what |\n    | one  |\n\n  Examples:\n    | what |"],
    ids=["only a head", "nothing", "no Examples", "a second one empty"],
)  # fmt: skip
def test_an_outline_without_a_row_is_trouble(run_feature: RunFeature, rows: str) -> None:
    ended = run_feature(f"Scenario Outline: An outline\n  Then it is right\n\n  {rows}")
    in_trouble(ended, "is an outline without a row.")
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN


def test_an_outline_runs_once_a_row(run_feature: RunFeature) -> None:
    outline = "Scenario Outline: <what>\n  Then it is <what>\n\n  Examples:\n    | what  |\n    | right |\n    | wrong |"
    ended = run_feature(outline)
    assert [s.outcome for s in ended.checkpoint.scenarios] == ["passed", "failed"]


def test_a_checkpoint_without_a_scenario_is_not_proven(run_feature: RunFeature) -> None:
    ended = run_feature(RIGHT, scope=("5.1", "5.2"))
    assert [j.verdict for j in ended.run.judged] == [Verdict.PASSED, Verdict.NOT_PROVEN]
    assert ended.run.judged[1].reason == "No scenario of it ran."
    assert ended.run.verdict is RunVerdict.INCOMPLETE


def test_a_scenario_for_another_kind_of_target_does_not_run_and_is_not_passed(run_feature: RunFeature) -> None:
    not_proven(run_feature("@needs_cluster\n" + RIGHT.strip()), "No scenario of it ran.")


def test_a_mistyped_tag_is_trouble_and_no_interruption(run_feature: RunFeature) -> None:
    ended = run_feature("@cp_5_11\n" + RIGHT.strip())
    in_trouble(ended, "'cp_5_11' not found in `markers` configuration option")
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN
    assert ended.code == 0, "130 would say that somebody pressed Ctrl-C"


def test_a_scenario_of_no_checkpoint_is_trouble(run_feature: RunFeature) -> None:
    in_trouble(run_feature(RIGHT, tags="@phase_5"), "belongs to no checkpoint")


def test_a_feature_that_is_no_gherkin_is_trouble(run_feature: RunFeature) -> None:
    in_trouble(run_feature("Scenario: S\n  Given a system\n  Whatever it is right"), "could not be collected")


def test_a_step_module_that_cannot_be_imported_is_trouble(run_feature: RunFeature) -> None:
    in_trouble(run_feature(RIGHT, "import no_such_module"), "The run was cut off")


@pytest.mark.parametrize("hook", ["pytest_bdd_after_scenario", "pytest_runtest_logreport", "pytest_collection_modifyitems"])
def test_a_plugin_that_crashes_is_trouble_or_an_error(run_feature: RunFeature, hook: str) -> None:
    ended = run_feature(RIGHT, conftest=f'def {hook}():\n    raise RuntimeError("the plugin fell over")')
    assert ended.run.harness_failed
    assert ended.run.exit_code == 3
    assert "the plugin fell over" in " ".join([*ended.run.troubles, ended.checkpoint.reason])


def test_a_plugin_that_crashes_at_the_end_is_trouble(run_feature: RunFeature) -> None:
    ended = run_feature(RIGHT, conftest='def pytest_sessionfinish():\n    raise RuntimeError("the plugin fell over")')
    assert ended.code != 0 or ended.run.harness_failed


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", 'pytest.exit("enough")'])
def test_an_interrupted_run_is_no_verdict(run_feature: RunFeature, how: str) -> None:
    steps = f"""
    @when("somebody presses Ctrl-C")
    def presses():
        {how}
    """
    ended = run_feature(RIGHT + "\nScenario: T\n  Then it is right\n  When somebody presses Ctrl-C", steps)
    in_trouble(ended, "The run was interrupted")
    assert ended.code == 130


def test_what_is_taken_down_after_an_interruption_is_in_the_record(run_feature: RunFeature) -> None:
    conftest = """
    import pytest

    @pytest.fixture(scope="session", autouse=True)
    def a_server(measure, request):
        yield
        measure("server stopped", 0.1, "s")
    """
    steps = """
    @when("somebody presses Ctrl-C")
    def presses():
        raise KeyboardInterrupt
    """
    ended = run_feature("Scenario: S\n  When somebody presses Ctrl-C", steps, conftest=conftest)
    assert ended.code == 130, ended.said
    assert "server stopped" in [m.name for m in ended.run.measurements]


def test_a_process_that_dies_leaves_a_record_that_was_cut_off(run_feature: RunFeature) -> None:
    steps = """
    import os

    @when("the harness is killed")
    def killed():
        os.kill(os.getpid(), 9)
    """
    ended = run_feature("Scenario: S\n  Then it is right\n  When the harness is killed", steps)
    in_trouble(ended, "The run was cut off: its record has no end.")
    not_proven(ended, "The scenario began and never ended.")
