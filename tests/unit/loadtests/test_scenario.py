"""Shipped and invalid scenarios."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.records import NAMES
from loadtests.scenario import USER_RATE, Scenario, parse_scenario, scenarios, write_scenario

GOOD: dict[str, Any] = {"title": "T", "users": {"Voter": 1.0}, "steps": [[5, 100], [10, 200]], "budgets": {"vote": {"p95": 20}}}


@pytest.mark.parametrize("scenario", scenarios().values(), ids=scenarios())
def test_shipped_scenarios_use_known_request_names_and_whole_users(scenario: Scenario) -> None:
    assert set(scenario.budgets) <= set(NAMES)
    assert all(step.rate % USER_RATE == 0 for step in scenario.steps)
    assert scenario.seconds > scenario.steps[0].seconds


@pytest.mark.parametrize("scenario", scenarios().values(), ids=scenarios())
def test_a_written_scenario_is_read_unchanged(scenario: Scenario, tmp_path: Path) -> None:
    assert scenarios(write_scenario(scenario, tmp_path)) == {scenario.name: scenario}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"users": {"Voter": 0.5, "Bot": 0.5}}, "unknown user class Bot. Valid classes: Voter, Watcher, Impatient, Mixed"),
        ({"users": {"Voter": 0.5, "Watcher": 0.4}}, "sum to 0.9 instead of 1"),
        ({"users": {}}, "sum to 0 instead of 1"),
        ({"steps": [[5, 100]]}, "a warm-up and at least one more step are required"),
        ({"steps": [[5, 100], [0, 100]]}, "seconds and a rate above 0"),
        ({"steps": [[5, 100], [5, -1]]}, "seconds and a rate above 0"),
    ],
)
def test_an_invalid_scenario_is_reported_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"scenario mine: .*{message}"):
        parse_scenario("mine", GOOD | wrong)


def test_the_rate_follows_the_steps_and_ends_with_them() -> None:
    scenario = parse_scenario("mine", GOOD)
    assert [scenario.rate(at) for at in (0, 4.999, 5, 14.999, 15, 99)] == [100, 100, 200, 200, None, None]


def measured(name: str) -> list[float | None]:
    """Return the rate of a shipped scenario in each second after its warm-up, and at its end."""
    scenario = scenarios()[name]
    seconds = range(round(scenario.warm_up), round(scenario.seconds) + 1)
    return [scenario.rate(at) for at in seconds]


def test_a_ramp_rises_to_its_end() -> None:
    *rates, end = measured("ramp")
    assert (rates[0], rates[-1], end, len(rates)) == (1000, 10_000, None, 64)
    assert rates == sorted(rates, key=lambda rate: rate or 0)
    assert scenarios()["ramp"].knee


def test_a_spike_is_tenfold_and_goes_back() -> None:
    assert measured("spike") == [200] * 10 + [2000] * 10 + [200] * 10 + [None]


@given(lowest=st.floats(0.1, 10_000), times=st.lists(st.integers(1, 50), min_size=1, max_size=5), at_most=st.floats(0.5, 100))
def test_every_multiple_of_the_lowest_rate_is_a_whole_number_of_users(lowest: float, times: list[int], at_most: float) -> None:
    scenario = parse_scenario("mine", GOOD | {"steps": [[1, lowest], *([1, lowest * more] for more in times)]})
    rate = scenario.user_rate(at_most)
    users = [step.rate / rate for step in scenario.steps]
    assert users == pytest.approx([round(one) for one in users], rel=1e-6)
    assert rate <= at_most * 1.000001
    assert rate > at_most / 2 or users[0] == 1
    assert scenario.user_rate(rate) == pytest.approx(rate)  # the result is a fixed point
