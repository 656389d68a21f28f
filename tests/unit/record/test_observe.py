"""`observe` records first, then compares."""

import pytest

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
