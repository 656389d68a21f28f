"""No known way makes a scenario pass without a correct observation; each one runs through the real plugin."""

import pytest

from tests.unit.pytest_plugin.conftest import RIGHT, RunFeature, has_harness_error, not_proven
from validation.record.results import Verdict
from validation.record.verdicts import RunVerdict


def test_a_scenario_with_only_correct_observations_passes(run_feature: RunFeature) -> None:
    ended = run_feature(RIGHT)
    assert ended.checkpoint.verdict is Verdict.PASSED
    assert ended.checkpoint.observations == 1
    assert ended.checkpoint.scenarios[0].observations[0].step == "Then it is right"
    assert (ended.run.verdict, ended.run.exit_code, ended.run.harness_errors) == (RunVerdict.PARTIAL, 4, ())
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


def test_together_reports_every_wrong_observation(run_feature: RunFeature) -> None:
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
def test_a_step_that_gives_up_after_a_correct_observation_is_not_proven(run_feature: RunFeature, how: str, said: str) -> None:
    steps = f"""
    @when("it gives up")
    def gives_up():
        {how}
    """
    ended = run_feature("Scenario: S\n  Then it is right\n  When it gives up", steps)
    not_proven(ended, said)
    assert ended.run.harness_failed is said.startswith("The harness failed")


@pytest.mark.parametrize("tag", ["@skip", "@xfail"])
def test_a_skipped_scenario_is_not_proven(run_feature: RunFeature, tag: str) -> None:
    assert run_feature(f"{tag}\n{RIGHT.strip()}").checkpoint.verdict is Verdict.NOT_PROVEN


def test_a_wrong_observation_under_xfail_still_fails(run_feature: RunFeature) -> None:
    assert run_feature("@xfail\nScenario: S\n  Then it is wrong").checkpoint.verdict is Verdict.FAILED


def test_an_undefined_step_is_not_proven(run_feature: RunFeature) -> None:
    ended = run_feature("Scenario: S\n  Then it is right\n  And nobody wrote this step")
    not_proven(ended, "has no definition (features/a.feature:")
    assert not ended.run.harness_failed


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
    not_proven(ended, 'The step "it is right" has 2 definitions.')
    assert ended.run.harness_failed


def test_a_step_that_is_both_given_and_when_is_one_definition(run_feature: RunFeature) -> None:
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
def test_a_coroutine_that_is_never_awaited_is_not_proven(run_feature: RunFeature, call: str) -> None:
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
    not_proven(ended, 'The step "it is hoped for" observed nothing.')
    assert not ended.run.harness_failed


def test_a_scenario_without_an_observation_is_not_proven(run_feature: RunFeature) -> None:
    not_proven(run_feature("Scenario: S\n  Given a system"), "The scenario passed without a single observation.")


def test_one_unproven_scenario_keeps_its_checkpoint_from_passing(run_feature: RunFeature) -> None:
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
def test_an_outline_without_a_row_is_a_harness_error(run_feature: RunFeature, rows: str) -> None:
    ended = run_feature(f"Scenario Outline: An outline\n  Then it is right\n\n  {rows}")
    has_harness_error(ended, "is an outline without a row.")
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN


def test_an_outline_runs_once_a_row(run_feature: RunFeature) -> None:
    outline = "Scenario Outline: <what>\n  Then it is <what>\n\n  Examples:\n    | what  |\n    | right |\n    | wrong |"
    ended = run_feature(outline)
    assert [s.outcome for s in ended.checkpoint.scenarios] == ["passed", "failed"]


def test_a_checkpoint_without_a_scenario_is_not_proven(run_feature: RunFeature) -> None:
    ended = run_feature(RIGHT, scope=("5.1", "5.2"))
    assert [j.verdict for j in ended.run.results] == [Verdict.PASSED, Verdict.NOT_PROVEN]
    assert ended.run.results[1].reason == "None of its scenarios ran."
    assert ended.run.verdict is RunVerdict.INCOMPLETE


def test_a_scenario_for_another_kind_of_target_does_not_run_and_does_not_pass(run_feature: RunFeature) -> None:
    not_proven(run_feature("@needs_cluster\n" + RIGHT.strip()), "None of its scenarios ran.")
