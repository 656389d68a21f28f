"""Growth is fitted: a line through noise is told from a slope, whatever one odd point says."""

import random

import pytest

from validation.core.errors import ProbeError
from validation.core.growth import POINTS_MIN, trend

WORK = [100.0 * number for number in range(1, 11)]


def test_a_straight_line_has_its_slope_and_no_doubt() -> None:
    found = trend(WORK, [7 + 3 * done for done in WORK])
    assert (found.slope, found.low, found.high) == (3, 3, 3)
    assert found.exceeds(2.9)
    assert not found.exceeds(3)


@pytest.mark.parametrize("seed", range(20))
def test_a_slope_within_noise_is_found(seed: int) -> None:
    noise = random.Random(seed)  # noqa: S311 - noise
    found = trend(WORK, [1000 + done + noise.gauss(0, 100) for done in WORK])
    assert found.exceeds(0)
    assert found.low <= 1 <= found.high or abs(found.slope - 1) < 0.5


def test_noise_alone_seldom_grows() -> None:
    noise = random.Random(1)  # noqa: S311 - noise
    grown = [trend(WORK, [noise.gauss(0, 100) for _ in WORK]).exceeds(0) for _ in range(400)]
    assert sum(grown) / len(grown) < 0.05


@pytest.mark.parametrize(
    "values",
    [[5.0] * 10, [1.0] * 5 + [900.0] * 5, [1.0] * 9 + [9000.0], [9000.0] + [1.0] * 9, [5.0, 6.0] * 5, [float(n) for n in range(10, 0, -1)]],
    ids=["flat", "one step", "odd at the end", "odd at the beginning", "up and down", "shrinking"],
)
def test_what_does_not_go_on_growing_does_not_grow(values: list[float]) -> None:
    assert not trend(WORK, values).exceeds(0)


@pytest.mark.parametrize(("work", "values"), [(WORK[:5], WORK[:5]), (WORK, WORK[:9]), ([1.0] * 10, WORK), (WORK[::-1], WORK)])
def test_points_that_make_no_line_are_refused(work: list[float], values: list[float]) -> None:
    with pytest.raises(ProbeError):
        trend(work, values)


def test_the_fewest_points_still_find_a_slope() -> None:
    assert trend(WORK[:POINTS_MIN], WORK[:POINTS_MIN]).exceeds(0)
    with pytest.raises(ProbeError):
        trend(WORK[: POINTS_MIN - 1], WORK[: POINTS_MIN - 1])


def test_a_trend_reads_as_a_slope_with_its_interval() -> None:
    assert str(trend(WORK, WORK)) == "1 (1 to 1, 10 points)"
