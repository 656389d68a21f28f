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
    return Schedule(rate, BEGIN, random.Random(seed).random)  # noqa: S311 - reproducible, not secret


@given(rate=rates, seed=seeds, slots=st.integers(1, 500))
def test_the_number_of_arrivals_matches_the_rate_within_one(rate: float, seed: int, slots: int) -> None:
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
def test_arrivals_do_not_depend_on_other_calls(rate: float, seed: int, asked: list[float], taken: list[bool]) -> None:
    undisturbed, disturbed, looks = schedule(rate, seed), schedule(rate, seed), iter(asked)
    for takes in taken:
        if takes:
            assert disturbed.next() == undisturbed.next()
        elif (slots := next(looks, None)) is not None:
            disturbed.planned(BEGIN + slots / rate)


@given(rate=rates, seed=seeds, share=st.floats(0, 1), slots=st.floats(0, 60))
def test_planned_counts_due_requests_taken_or_not(rate: float, seed: int, share: float, slots: float) -> None:
    reference, asked, until = schedule(rate, seed), schedule(rate, seed), BEGIN + slots / rate
    due = sum(reference.next() <= until for _ in range(62))
    for _ in range(round(share * (due + 1))):  # including the next arrival, for which a user waits
        asked.next()
    assert asked.planned(until) == due
    assert asked.planned(until) == due


@given(rate=rates, seed=seeds, taken=st.integers(1, 60), early=st.floats(0.001, 1))
def test_a_request_that_was_sent_is_planned_though_the_run_was_stopped_before_it_was_due(
    rate: float, seed: int, taken: int, early: float
) -> None:
    asked = schedule(rate, seed)
    last = [asked.next() for _ in range(taken)][-1]
    assert asked.planned(last - early / rate) < taken
    asked.sent()
    assert asked.planned(last - early / rate) == taken
    assert asked.planned(last) == taken


@pytest.mark.parametrize("rate", [0, -1.5])
def test_a_rate_must_be_above_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Schedule(rate, BEGIN)
