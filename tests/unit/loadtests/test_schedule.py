"""When a user's requests are due."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.schedule import Schedule

rates = st.floats(0.01, 1000)
seeds = st.integers(0, 2**32)
BEGIN = 1_795_000_000.0


def schedule(rate: float, seed: int) -> Schedule:
    return Schedule(rate, BEGIN, random.Random(seed).random)  # noqa: S311 - the same again


@given(rate=rates, seed=seeds, slots=st.integers(1, 500))
def test_any_time_has_as_many_arrivals_as_the_rate_says_give_or_take_one(rate: float, seed: int, slots: int) -> None:
    moments = schedule(rate, seed)
    due = [moments.next() for _ in range(slots)]
    assert all(slot - 0.001 <= (moment - BEGIN) * rate <= slot + 1.001 for slot, moment in enumerate(due))
    assert all(before <= after for before, after in pairwise(due))


def test_arrivals_are_not_evenly_spaced() -> None:
    moments = schedule(10, 1)
    gaps = [after - before for before, after in pairwise(moments.next() for _ in range(1000))]
    assert min(gaps) < 0.03
    assert max(gaps) > 0.17


@given(rate=rates, seed=seeds, asked=st.lists(st.floats(0, 50), max_size=20), taken=st.lists(st.booleans(), max_size=60))
def test_moments_do_not_depend_on_what_happens_meanwhile(rate: float, seed: int, asked: list[float], taken: list[bool]) -> None:
    undisturbed, disturbed, looks = schedule(rate, seed), schedule(rate, seed), iter(asked)
    for takes in taken:
        if takes:
            assert disturbed.next() == undisturbed.next()
        elif (slots := next(looks, None)) is not None:
            disturbed.planned(BEGIN + slots / rate)


@given(rate=rates, seed=seeds, share=st.floats(0, 1), slots=st.floats(0, 60))
def test_what_was_due_is_planned_whether_it_was_taken_or_not(rate: float, seed: int, share: float, slots: float) -> None:
    reference, asked, until = schedule(rate, seed), schedule(rate, seed), BEGIN + slots / rate
    due = sum(reference.next() <= until for _ in range(62))
    for _ in range(round(share * (due + 1))):  # up to the moment beyond, for which a user waits
        asked.next()
    assert asked.planned(until) == due
    assert asked.planned(until) == due


@pytest.mark.parametrize("rate", [0, -1.5])
def test_a_rate_of_nothing_is_no_schedule(rate: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Schedule(rate, BEGIN)
