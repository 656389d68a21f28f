"""`evaluate` is a function from events, registry and day to verdicts."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.record.subjects import SUBJECT
from validation.record.events import Event, Finished, HarnessFailed, Observed, Planned, RunFinished, RunStarted, Started, SubjectSeen
from validation.record.results import CheckpointResult, Verdict
from validation.record.verdicts import EXIT_CODES, Run, RunVerdict, evaluate
from validation.registry.checkpoints import registry

TODAY = date(2026, 11, 24)
RIGHT, WRONG = True, False


def started(*scope: str, target: str = "local", waivers: Sequence[dict[str, str]] = ()) -> RunStarted:
    return RunStarted(
        "run", target, "2026-11-24T10:00:00+00:00", list(scope), [], {}, {"votecheck": "0.3.2"}, list(waivers), subject=SUBJECT
    )


def observed(name: str, right: bool) -> Observed:
    return Observed(name, "Then it is", "colour", "green", "green" if right else "red", right)


def scenario(
    *facts: bool, checkpoint: str = "5.1", outcome: str = "passed", reason: str = "", name: str = "S", fidelity: str = "local"
) -> list[Event]:
    seen = [observed(name, right) for right in facts]
    return [Started(name, name, [checkpoint], "a.feature"), *seen, Finished(name, outcome, reason, 0.5, fidelity)]


def planned(name: str, checkpoint: str = "5.1") -> Planned:
    return Planned(name, name, [checkpoint], "a.feature")


def waiver(checkpoint: str = "5.1", expires: str = "2026-12-31", finding: str = "colour", version: str = "0.3.2") -> dict[str, str]:
    reason, owner = "the proxy does it", "release board"
    return {"id": checkpoint, "finding": finding, "version": version, "reason": reason, "owner": owner, "expires": expires}


def verdict(*events: Event, end: bool = True) -> Run:
    return evaluate([*events, *([SubjectSeen(SUBJECT), RunFinished(1.0)] if end else [])], registry(), TODAY)


def of(run: Run, checkpoint: str = "5.1") -> CheckpointResult:
    return next(j for j in run.results if j.checkpoint.id == checkpoint)


@pytest.mark.parametrize(
    ("events", "expected", "reason"),
    [
        (scenario(RIGHT), Verdict.PASSED, ""),
        (scenario(WRONG, outcome="failed", reason="colour: red\nmore"), Verdict.FAILED, "S: colour: red"),
        (scenario(RIGHT, WRONG), Verdict.FAILED, "S: "),
        (scenario(WRONG, outcome="error", reason="and then it crashed"), Verdict.FAILED, "S: and then it crashed"),
        (scenario(WRONG, outcome="not_proven", reason="Skipped: later"), Verdict.FAILED, "S: Skipped: later"),
        (scenario(RIGHT, outcome="failed", reason="boom"), Verdict.NOT_PROVEN, "S: It failed without a wrong observation: boom"),
        (scenario(RIGHT, outcome="error", reason="boom"), Verdict.NOT_PROVEN, "S: boom"),
        (scenario(RIGHT, outcome="not_proven", reason="Skipped: no proxy"), Verdict.NOT_PROVEN, "S: Skipped: no proxy"),
        (scenario(), Verdict.NOT_PROVEN, "S: The scenario passed without a single observation."),
        (scenario(RIGHT)[:-1], Verdict.NOT_PROVEN, "S: The scenario started and never finished."),
        ([*scenario(RIGHT), planned("T")], Verdict.NOT_PROVEN, "T: The scenario was planned and never started."),
        ([planned("S"), *scenario(RIGHT)], Verdict.PASSED, ""),
        ([planned("S"), planned("T"), *scenario(WRONG)], Verdict.FAILED, "S: "),
        ([planned("T", checkpoint="5.2"), *scenario(RIGHT)], Verdict.PASSED, ""),
        ([], Verdict.NOT_PROVEN, "None of its scenarios ran."),
        (scenario(RIGHT, checkpoint="5.2"), Verdict.NOT_PROVEN, "None of its scenarios ran."),
        ([*scenario(RIGHT), *scenario(name="T")], Verdict.NOT_PROVEN, "T: The scenario passed without a single observation."),
        ([*scenario(name="T"), *scenario(WRONG, outcome="failed", reason="red")], Verdict.FAILED, "S: red"),
        ([*scenario(RIGHT, outcome="error", reason="the first try"), *scenario(RIGHT)], Verdict.NOT_PROVEN, "Flaky: it ran 2 times"),
        ([*scenario(WRONG, outcome="failed"), *scenario(RIGHT)], Verdict.FAILED, "S: "),
    ],
)
def test_the_verdict_of_a_checkpoint_follows_from_its_scenarios(events: list[Event], expected: Verdict, reason: str) -> None:
    result = of(verdict(started("5.1"), *events))
    assert result.verdict is expected
    assert reason in result.reason
    assert result.reason or expected is Verdict.PASSED


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (verdict(started("5.1"), *scenario(RIGHT)), RunVerdict.PARTIAL),
        (verdict(started("5.1", "5.2"), *scenario(RIGHT)), RunVerdict.INCOMPLETE),
        (verdict(started("5.1", "5.2"), *scenario(WRONG, outcome="failed")), RunVerdict.NO_GO),
        (verdict(started("5.1"), *scenario(RIGHT), HarnessFailed("a process is left")), RunVerdict.INCOMPLETE),
        (verdict(started("5.1"), *scenario(WRONG, outcome="failed"), HarnessFailed("a process is left")), RunVerdict.NO_GO),
        (verdict(started("5.1"), *scenario(RIGHT), end=False), RunVerdict.INCOMPLETE),
        (verdict(started()), RunVerdict.INCOMPLETE),
        (verdict(), RunVerdict.INCOMPLETE),
    ],
    ids=[
        "all passed",
        "one open",
        "one failed",
        "harness error",
        "failed and harness error",
        "cut off",
        "empty scope",
        "empty record",
    ],
)
def test_the_verdict_of_a_run_follows_from_its_checkpoints(run: Run, expected: RunVerdict) -> None:
    assert run.verdict is expected
    assert run.exit_code == {RunVerdict.NO_GO: 1, RunVerdict.INCOMPLETE: 3, RunVerdict.PARTIAL: 4}[expected]


def test_a_whole_run_in_which_everything_passed_is_go() -> None:
    seen = [
        one
        for checkpoint in registry().values()
        for need in checkpoint.needs
        for one in scenario(RIGHT, checkpoint=checkpoint.id, name=f"{checkpoint.id} {need}", fidelity=need)
    ]
    run = verdict(started(*registry(), target="cluster"), *seen)
    assert (run.verdict, run.exit_code, run.gaps) == (RunVerdict.GO, 0, ())


def test_no_verdict_shares_an_exit_code() -> None:
    assert len(set(EXIT_CODES.values())) == len(RunVerdict)


@pytest.mark.parametrize(
    ("events", "failed"),
    [
        (scenario(RIGHT), False),
        (scenario(outcome="not_proven", reason="no cluster"), False),
        (scenario(WRONG, outcome="failed"), False),
        (scenario(RIGHT, outcome="error", reason="boom"), True),
        ([*scenario(RIGHT), HarnessFailed("a process is left")], True),
        (scenario(RIGHT, outcome="failed", reason="boom"), True),
    ],
)
def test_a_harness_error_differs_from_what_is_only_not_proven(events: list[Event], failed: bool) -> None:
    assert verdict(started("5.1"), *events).harness_failed is failed


def test_a_record_without_an_end_is_a_harness_error() -> None:
    run = verdict(started("5.1"), *scenario(RIGHT), end=False)
    assert run.harness_failed
    assert run.harness_errors == ("The run was cut off: its record has no end.",)


OPEN = "not proven: S"
RED = scenario(WRONG, outcome="failed", reason="red")


@pytest.mark.parametrize(
    ("events", "given", "expected", "reason"),
    [
        (RED, [waiver(expires="2026-11-24")], Verdict.WAIVED, "the proxy does it (release board, until"),
        (scenario(outcome="not_proven", reason="no proxy"), [waiver(finding=OPEN)], Verdict.WAIVED, "Without the waiver: S: no proxy"),
        ([], [waiver(finding="not proven")], Verdict.WAIVED, "Without the waiver: None of its scenarios ran."),
        (RED, [waiver(expires="2026-11-23")], Verdict.FAILED, "Its waiver expired on 2026-11-23"),
        (scenario(RIGHT), [waiver(expires="2026-11-23")], Verdict.FAILED, "Its waiver expired on 2026-11-23"),
        (scenario(RIGHT), [waiver()], Verdict.FAILED, "is no longer needed: remove it."),
        (RED, [waiver(version="0.3.1")], Verdict.FAILED, "Its waiver is for version 0.3.1, and this is 0.3.2"),
        (RED, [waiver(), waiver(finding="size")], Verdict.FAILED, "Its waiver for `size` (release board) is no longer"),
        (RED, [waiver(finding="colou")], Verdict.FAILED, "Its waiver for `colou` (release board) is no longer"),
    ],
    ids=[
        "of a failure, on its last day", "of what is open", "of nothing seen", "expired", "expired and green", "not needed",
        "of another version", "one of two not needed", "of another finding",
    ],
)  # fmt: skip
def test_a_waiver_counts_until_it_expires_and_only_if_needed(
    events: list[Event], given: list[dict[str, str]], expected: Verdict, reason: str
) -> None:
    run = verdict(started("5.1", waivers=given), *events)
    assert of(run).verdict is expected
    assert reason in of(run).reason
    assert run.verdict is (RunVerdict.PARTIAL if expected is Verdict.WAIVED else RunVerdict.NO_GO)
    assert of(run).waived_by


def test_a_checkpoint_is_waived_only_if_every_finding_is() -> None:
    two = [*scenario(WRONG, outcome="failed"), *scenario(outcome="not_proven", reason="no proxy", name="T")]
    one = of(verdict(started("5.1", waivers=[waiver()]), *two))
    assert (one.verdict, one.waived_by) == (Verdict.FAILED, "No waiver covers: not proven: T.")
    assert of(verdict(started("5.1", waivers=[waiver(), waiver(finding="not proven: T")]), *two)).verdict is Verdict.WAIVED


def test_a_waiver_of_another_checkpoint_changes_nothing() -> None:
    run = verdict(started("5.1", waivers=[waiver("5.2")]), *scenario(WRONG, outcome="failed"))
    assert (of(run).verdict, run.verdict) == (Verdict.FAILED, RunVerdict.NO_GO)


def test_a_checkpoint_is_proven_at_the_highest_place_where_it_passed() -> None:
    events = [
        *scenario(RIGHT, checkpoint="4.4", name="A", fidelity="files"),
        *scenario(RIGHT, checkpoint="4.4", name="B", fidelity="local"),
        *scenario(checkpoint="4.4", name="C", fidelity="cluster"),
    ]
    result = of(verdict(started("4.4"), *events), "4.4")
    assert result.proven_at == "local"
    assert result.unchecked_at == ("cluster",)


def test_a_checkpoint_without_a_pass_is_proven_nowhere() -> None:
    assert of(verdict(started("5.1"), *scenario(WRONG, outcome="failed"))).proven_at == ""


def test_a_checkpoint_that_needs_an_image_says_so() -> None:
    result = of(verdict(started("2.5")), "2.5")
    assert result.verdict is Verdict.NOT_PROVEN
    assert result.reason == "It needs a container image, which this target does not have."


FACTS = st.lists(st.booleans(), max_size=3)
SCOPE = ("5.1", "5.2", "2.5")


@st.composite
def honest_scenario(draw: st.DrawFn, number: int) -> list[Event]:
    """A scenario as the plugin records it: one with a wrong observation never has the outcome passed."""
    facts = draw(FACTS)
    outcome = draw(st.sampled_from(["failed", "not_proven", "error"] if not all(facts) else ["passed", "failed", "not_proven", "error"]))
    return scenario(*facts, checkpoint=draw(st.sampled_from(SCOPE)), outcome=outcome, name=f"S{number}")


RECORDS = (
    st.integers(1, 5).flatmap(lambda n: st.tuples(*(honest_scenario(i) for i in range(n)))).map(lambda s: [e for one in s for e in one])
)
ORDER = [RunVerdict.GO, RunVerdict.PARTIAL, RunVerdict.INCOMPLETE, RunVerdict.NO_GO]


@given(RECORDS, st.data(), st.booleans())
def test_one_more_wrong_observation_never_improves_a_run(events: list[Event], data: st.DataObject, end: bool) -> None:
    before = verdict(started(*SCOPE), *events, end=end)
    name = data.draw(st.sampled_from([e.scenario for e in events if isinstance(e, Started)]))
    place = data.draw(st.integers(0, len(events)))
    after = verdict(started(*SCOPE), *events[:place], observed(name, WRONG), *events[place:], end=end)
    assert ORDER.index(after.verdict) >= ORDER.index(before.verdict)
    assert after.verdict is RunVerdict.NO_GO


@given(RECORDS, st.data())
def test_fewer_observations_never_make_a_checkpoint_pass(events: list[Event], data: st.DataObject) -> None:
    kept = [e for e in events if not isinstance(e, Observed) or data.draw(st.booleans())]
    before, after = verdict(started(*SCOPE), *events), verdict(started(*SCOPE), *kept)
    for one, other in zip(before.results, after.results, strict=True):
        assert one.verdict is Verdict.PASSED or other.verdict is not Verdict.PASSED


def late(machine: str) -> Observed:
    return Observed("S", "Then it is ready", "ready", "within 5 s", "after 9 s", ok=False, machine=machine)


def test_a_time_limit_missed_while_others_saturated_the_machine_is_not_proven_and_excuses_nothing_else() -> None:
    begin, end = scenario(RIGHT)[:-1], scenario(RIGHT, outcome="failed", reason="ready")[-1]
    excused = verdict(started("5.1"), *begin, late("99 % busy"), end)
    assert of(excused).verdict is Verdict.NOT_PROVEN
    assert "Others saturated this machine" in of(excused).reason
    assert "99 % busy" in of(excused).reason
    assert of(excused).findings == ()
    assert excused.verdict is RunVerdict.INCOMPLETE
    assert of(verdict(started("5.1"), *begin, late(""), end)).verdict is Verdict.FAILED
    wrong = of(verdict(started("5.1"), *begin, late("99 % busy"), observed("S", WRONG), end))
    assert wrong.verdict is Verdict.FAILED
    assert [found.subject for found in wrong.findings] == ["colour"]
