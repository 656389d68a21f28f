"""A change is told from chance, by the noise that was measured."""

import random

import pytest
from msgspec import structs

from tests.unit.load.example import result as a_result
from validation.core.errors import UsageError
from validation.load import compare
from validation.load.result import LoadResult


def with_p50(factor: float) -> LoadResult:
    result = a_result()
    return structs.replace(result, latencies=[structs.replace(one, p50=one.p50 * factor) for one in result.latencies])


def noisy(spread: float, runs: int = 6) -> list[LoadResult]:
    draw = random.Random(7)  # noqa: S311 - repeatable
    return [with_p50(draw.uniform(1 - spread, 1 + spread)) for _ in range(runs)]


def word(factor: float, spread: float) -> str:
    changes = compare.compare(with_p50(1.0), with_p50(factor), compare.noise(noisy(spread)))
    return next(change.word for change in changes if change.figure == "vote p50, ms")


@pytest.mark.parametrize(
    ("factor", "spread", "wanted"),
    [
        (2.0, 0.05, "worse"),
        (0.5, 0.05, "better"),
        (1.03, 0.05, "no difference shown"),
        (2.0, 0.6, "no difference shown"),
    ],
)
def test_only_a_difference_beyond_the_noise_is_a_change(factor: float, spread: float, wanted: str) -> None:
    assert word(factor, spread) == wanted


def test_two_unchanged_runs_differ_by_less_than_the_noise_in_95_of_100_cases() -> None:
    draw = random.Random(11)  # noqa: S311 - repeatable
    within = 0
    for _ in range(2000):
        known = [draw.lognormvariate(0, 0.2) for _ in range(5)]
        one, other = draw.lognormvariate(0, 0.2), draw.lognormvariate(0, 0.2)
        within += 1 / compare.chance(known) <= one / other <= compare.chance(known)
    assert 0.93 <= within / 2000 <= 0.97


def test_too_few_runs_say_nothing_about_noise() -> None:
    with pytest.raises(UsageError, match="4 are needed"):
        compare.noise(noisy(0.1, runs=3))


def test_runs_on_two_machines_are_not_compared() -> None:
    other = structs.replace(a_result(), machine={"cores": "64"})
    with pytest.raises(UsageError, match="cannot be compared"):
        compare.compare(a_result(), other, compare.noise(noisy(0.1)))
