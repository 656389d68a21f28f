import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.api.percentages import percentages

COUNTS = st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=20)


def hundredths(shares: list[float]) -> list[int]:
    return [round(share * 100) for share in shares]


@given(COUNTS.filter(any))
def test_percentages_sum_to_exactly_100(counts: list[int]) -> None:
    assert sum(hundredths(percentages(counts))) == 10_000


@given(COUNTS.filter(any))
def test_each_percentage_is_within_a_hundredth_of_its_exact_value(counts: list[int]) -> None:
    for count, share in zip(counts, hundredths(percentages(counts)), strict=True):
        assert abs(Fraction(count * 10_000, sum(counts)) - share) < 1


@given(COUNTS)
def test_percentages_have_two_decimals(counts: list[int]) -> None:
    for share in percentages(counts):
        assert share == round(share, 2)


@given(COUNTS.filter(any))
def test_more_votes_never_mean_a_smaller_percentage(counts: list[int]) -> None:
    in_order = sorted(zip(counts, percentages(counts), strict=True))
    assert all(few <= many for (fewer, few), (more, many) in itertools.pairwise(in_order) if fewer < more)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([0, 0], [0, 0]), ([], []), ([5], [100]), ([1, 1, 1], [33.34, 33.33, 33.33]), ([1, 2], [33.33, 66.67]), ([7, 0], [100, 0])],
)
def test_known_percentages(counts: list[int], expected: list[float]) -> None:
    assert percentages(counts) == expected
