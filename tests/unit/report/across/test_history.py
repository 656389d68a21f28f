"""What several runs say together is a function of the runs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from validation.record.subject import Subject
from validation.registry.checkpoints import registry
from validation.report.across.history import Broken, Slower, gaps_between, history, wilson
from validation.report.across.summaries import Checkpoint, Runs, Summary, same_subject
from validation.report.across.text import render

PASSED, FAILED, OPEN = "PASSED", "FAILED", "NOT PROVEN"
TITLE = registry()["5.1"].title


def run(  # noqa: PLR0913 - what differs from run to run
    number: int, verdict: str, commit: str = "abc", *, seconds: float = 1.0, reason: str = "", target: str = "local"
) -> Summary:
    subject = Subject(commit=commit, digests={"system": f"sha256:{commit}"}) if commit else None
    one = Checkpoint("5.1", TITLE, verdict, reason, seconds)
    started = f"2026-11-{number:02}T10:00:00+00:00"
    return Summary(f"run-{number}", target, "NO-GO" if verdict == FAILED else "PARTIAL", started, 9.0, [one], [], subject=subject)


def test_runs_that_agree_have_no_unstable_checkpoint() -> None:
    assert history([run(1, PASSED), run(2, PASSED), run(3, FAILED, "def")]).unstable == ()


def test_a_checkpoint_that_passed_and_failed_on_one_subject_is_unstable() -> None:
    (one,) = history([run(1, PASSED), run(2, FAILED), run(3, PASSED), run(4, PASSED), run(5, PASSED, "def")]).unstable
    assert (one.id, one.passed, one.of, one.passed_in, one.failed_in) == ("5.1", 3, 4, ("run-1", "run-3", "run-4"), ("run-2",))
    assert (round(one.low, 2), round(one.high, 2)) == (0.30, 0.95)


def test_a_pass_on_a_repeat_is_unstable_although_nothing_failed() -> None:
    (one,) = history([run(1, OPEN, reason="S: Flaky: it ran 2 times, and a pass after a failure does not count.")]).unstable
    assert (one.passed, one.of, one.failed_in) == (0, 1, ("run-1",))


@pytest.mark.parametrize(
    "other", [run(2, FAILED, "def"), run(2, FAILED, target="cluster"), run(2, OPEN), run(2, "WAIVED"), run(2, FAILED, "")]
)
def test_other_subjects_and_other_verdicts_say_nothing_about_stability(other: Summary) -> None:
    assert history([run(1, PASSED), other]).unstable == ()


def test_runs_whose_files_are_unknown_are_never_of_the_same_subject() -> None:
    assert not same_subject(run(1, PASSED, ""), run(2, PASSED, ""))
    assert same_subject(run(1, PASSED), run(2, FAILED))


def test_other_images_are_another_subject() -> None:
    images = [Subject(digests={"system": "1"}, images={"api": digest}) for digest in ("sha256:1", "sha256:2")]
    one, other = (Summary("r", "local", "GO", "", 1.0, [], [], subject=subject) for subject in images)
    assert same_subject(one, one)
    assert not same_subject(one, other)


def test_the_first_bad_commit_follows_the_last_good_one() -> None:
    runs = [run(1, FAILED, "a"), run(2, PASSED, "b"), run(3, FAILED, "c"), run(4, OPEN, "d"), run(5, FAILED, "e")]
    assert history(runs).broken == (Broken("5.1", TITLE, "local", "run-3", "c", "run-2", "b"),)
    assert list(gaps_between(history(runs).broken)) == ["git log --oneline b..c"]


def test_what_never_passed_has_no_good_commit_and_what_passes_again_is_not_broken() -> None:
    assert history([run(1, FAILED, "a"), run(2, FAILED, "b")]).broken == (Broken("5.1", TITLE, "local", "run-1", "a", "", ""),)
    assert history([run(1, FAILED, "a"), run(2, PASSED, "b")]).broken == ()


def test_targets_are_not_mixed() -> None:
    runs = [run(1, PASSED, "a"), run(2, FAILED, "b", target="cluster"), run(3, PASSED, "c")]
    assert [(one.target, one.good) for one in history(runs).broken] == [("cluster", "")]


def test_a_duration_is_compared_with_the_median_of_the_earlier_ones() -> None:
    times = [2.0, 2.2, 60.0, 4.0]
    runs = [run(number, PASSED, f"c{number}", seconds=seconds) for number, seconds in enumerate(times, 1)]
    assert history(runs).slower == (Slower("5.1", TITLE, "local", 2.2, 4.0),)
    assert history(runs[:3]).slower == (), "too few to know what is usual"
    assert history([*runs[:3], run(4, PASSED, "d", seconds=2.9)]).slower == ()


@example(0, 66)
@given(some.integers(0, 500), some.integers(1, 500))
def test_the_interval_contains_the_rate_and_is_one(passed: int, more: int) -> None:
    low, high = wilson(passed, passed + more)
    assert 0 <= low <= passed / (passed + more) <= high <= 1


def test_the_interval_is_that_of_the_textbook() -> None:
    assert [round(one, 4) for one in wilson(8, 10)] == [0.4902, 0.9433]
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_text_names_commits_rates_and_changes() -> None:
    found = [run(1, PASSED, "a"), run(2, FAILED, "b"), run(3, PASSED, "b"), run(4, FAILED, "b")]
    text = render(history(found), Runs(tuple(found), {}, ("broken",)))
    assert text.splitlines()[0] == "4 runs: 2 NO-GO, 2 PARTIAL"
    assert "passed 1 of 3 (33 %, 95 % interval 6 to 79 %); not in run-2, run-4" in text
    assert "fails on local since run-4 (b), passed last in run-3 (b)" in text
    assert text.splitlines()[-2:] == ["Not readable", "  broken"]
