"""`observe` records first, then compares."""

import pytest

from validation.core import inputs
from validation.core.errors import Finding
from validation.record.events import TEXT_MAX, Observed
from validation.record.observe import Observe


@pytest.fixture
def facts() -> list[Observed]:
    return []


@pytest.fixture
def observe(facts: list[Observed]) -> Observe:
    made = Observe("S", facts.append)
    made.begin("Then it is right")
    return made


def test_a_correct_observation_is_recorded(observe: Observe, facts: list[Observed]) -> None:
    observe("status", expected=201, observed=201, evidence="the answer")
    assert facts == [Observed("S", "Then it is right", "status", "201", "201", ok=True, evidence="the answer")]
    assert observe.in_step == 1


def test_a_wrong_observation_is_recorded_and_raised(observe: Observe, facts: list[Observed]) -> None:
    with pytest.raises(Finding, match="status: expected 201, observed 500") as raised:
        observe("status", expected=201, observed=500, remedy="look there")
    assert raised.value.observations == tuple(facts)
    assert (facts[0].ok, facts[0].remedy) == (False, "look there")


def test_holds_decides_where_it_is_given(observe: Observe) -> None:
    observe("time", expected="at most 5 s", observed=3.2, holds=True)
    for falsy in (False, None, [], 0):
        with pytest.raises(Finding):
            observe("time", expected="equal", observed="equal", holds=falsy)


def test_together_raises_once_with_every_wrong_observation(observe: Observe, facts: list[Observed]) -> None:
    with pytest.raises(Finding) as raised, observe.together():
        observe("a", expected=1, observed=2)
        observe("b", expected=1, observed=1)
        observe("c", expected=1, observed=3)
    assert [o.subject for o in raised.value.observations] == ["a", "c"]
    assert [o.subject for o in facts] == ["a", "b", "c"]


def test_together_without_a_wrong_observation_raises_nothing(observe: Observe) -> None:
    with observe.together():
        observe("a", expected=1, observed=1)
    with pytest.raises(Finding):
        observe("b", expected=1, observed=2)


def test_a_crash_inside_together_propagates_and_keeps_the_observations(observe: Observe, facts: list[Observed]) -> None:
    with pytest.raises(ZeroDivisionError), observe.together():
        observe("a", expected=1, observed=2)
        raise ZeroDivisionError
    assert [o.ok for o in facts] == [False]
    with pytest.raises(Finding):
        observe("b", expected=1, observed=2)


def test_each_step_counts_its_own_observations(observe: Observe) -> None:
    observe("a", expected=1, observed=1)
    observe.begin("And so is this")
    assert observe.in_step == 0


def test_evidence_is_bounded(observe: Observe, facts: list[Observed]) -> None:
    with pytest.raises(Finding):
        observe("body", expected="short", observed="y" * 1_000_000, evidence="z" * 1_000_000)
    assert len(facts[0].observed) <= TEXT_MAX
    assert len(facts[0].evidence) <= TEXT_MAX


def test_two_values_that_read_alike_are_told_apart(observe: Observe, facts: list[Observed]) -> None:
    with pytest.raises(Finding):
        observe("option", expected=1, observed="1")
    assert (facts[0].expected, facts[0].observed) == ("1 (number)", "1 (text)")


def test_a_wrong_observation_shows_what_the_scenario_gave_and_a_right_one_does_not(facts: list[Observed]) -> None:
    made = Observe("S", facts.append, inputs.begin())
    inputs.note(inputs.request("POST", "/api/vote", {"Content-Type": "application/json"}, b'{"option": "birds"}'))
    made("status", expected=422, observed=422)
    with pytest.raises(Finding):
        made("status", expected=422, observed=400)
    assert [fact.input for fact in facts] == ["", 'POST /api/vote\nContent-Type: application/json\n{"option": "birds"}']


def test_a_step_can_say_what_one_fact_was_observed_with(facts: list[Observed]) -> None:
    made = Observe("S", facts.append, inputs.begin())
    inputs.note("helm template, with default values")
    with pytest.raises(Finding):
        made("exit code", expected=2, observed=0, given="python -m system.consumer with BATCH_SIZE=x, REDIS_URL=redis://:pw@h")
    assert facts[0].input == "python -m system.consumer with BATCH_SIZE=x, REDIS_URL=redis://(hidden)@h"


@pytest.mark.parametrize(
    ("expected", "observed"),
    [
        (1, 1.0000001), (100.0, 100.4), (0, 0.3), (66.7, 66.66), (2**62, 2**62 + 1), (float(2**53), 2**53 + 1),
        ("cats", "Cats"), ("cats", "cats "), ("a b", "a  b"), ("x" * 3000 + "a", "x" * 3000 + "b"),
        ([1, 2], [2, 1]), ([1], [1, 1]), ((), None), ("", None), ({}, []), ({"a": 1}, {"a": 1, "b": 0}), ({1: "a"}, {"1": "a"}),
    ],
)  # fmt: skip
def test_nothing_is_rounded_folded_or_sorted_before_it_is_compared(expected: object, observed: object, facts: list[Observed]) -> None:
    for first, second in ((expected, observed), (observed, expected)):
        with pytest.raises(Finding):
            Observe("S", facts.append)("value", expected=first, observed=second)
    assert [fact.ok for fact in facts] == [False, False]


def test_the_machine_is_looked_at_only_for_a_time_limit_that_was_missed(facts: list[Observed]) -> None:
    looks = list[str]()
    made = Observe("S", facts.append, machine=lambda: looks.append("look") or "busy")
    made("time", expected=1, observed=1, timed=True)
    made("value", expected=1, observed=1)
    for timed in (False, True):
        with pytest.raises(Finding):
            made("value", expected=1, observed=2, **({"timed": True} if timed else {}))
    assert ([fact.machine for fact in facts], looks) == (["", "", "", "busy"], ["look"])


def test_before_its_first_step_it_has_observed_nothing(facts: list[Observed]) -> None:
    made = Observe("S", facts.append)
    assert (made.in_step, made.step) == (0, "")
    made("body", expected="", observed="")
    assert (made.in_step, facts[0].expected, facts[0].observed) == (1, "(empty)", "(empty)")
