"""Where a ramp bends, and what was at its limit there."""

from loadtests.scenario import parse_scenario
from validation.load.knee import knee
from validation.load.result import Sample, Second

STEPS = [[2, 100], [4, 100], [4, 200], [4, 400]]
RAMP = parse_scenario("ramp", {"title": "R", "users": {"Voter": 1.0}, "steps": STEPS, "budgets": {}, "knee": {"p95": 50, "kept": 0.98}})


def seconds(rates: dict[int, int], p95: dict[int, float] | None = None) -> list[Second]:
    """Each second answers the rate of its step, or what `rates` says from a second on; the same for `p95`."""
    found = []
    for at in range(14):
        planned = RAMP.rate(at) or 0
        answered = next((rate for begin, rate in sorted(rates.items(), reverse=True) if at >= begin), planned)
        slow = next((ms for begin, ms in sorted((p95 or {}).items(), reverse=True) if at >= begin), 5.0)
        found.append(Second(at, planned, int(min(answered, planned)), 0, 1.0, slow, slow))
    return found


def samples(cpu: dict[str, float], ages: list[float] | None = None) -> list[Sample]:
    return [Sample(at / 2, 0, 0, ages[at] if ages else 0.0, cpu, {}) for at in range(28)]


def test_a_ramp_that_the_system_keeps_up_with_has_no_knee() -> None:
    found = knee(RAMP, seconds({}), samples({"api": 0.5}), cores=2)
    assert (found.rate, found.first_broken, found.saturated) == (400, None, [])


def test_the_first_step_that_falls_behind_is_the_knee_and_the_saturated_part_is_named() -> None:
    found = knee(RAMP, seconds({10: 390}), samples({"api": 0.97, "redis": 0.2}), cores=4)
    assert (found.rate, found.first_broken, found.saturated) == (200, 400, ["api: 0.97 of a core"])


def test_a_step_with_late_answers_is_the_knee() -> None:
    found = knee(RAMP, seconds({}, {6: 51.0}), samples({"api": 0.4}), cores=4)
    assert (found.rate, found.first_broken) == (100, 200)


def test_if_the_first_step_falls_behind_no_rate_holds() -> None:
    found = knee(RAMP, seconds({2: 50}), samples({"api": 0.4}), cores=4)
    assert (found.rate, found.first_broken) == (0, 100)


def test_a_saturated_machine_is_named_with_its_busiest_part() -> None:
    found = knee(RAMP, seconds({10: 100}), samples({"api": 0.8, "generator": 0.7, "redis": 0.3}), cores=2)
    assert found.saturated == ["the machine: all parts together use 1.80 of 2 cores", "closest to saturation: api, 0.80 of a core"]


def test_a_growing_queue_is_named() -> None:
    found = knee(RAMP, seconds({10: 100}), samples({"consumer": 0.5}, [at / 4 for at in range(28)]), cores=8)
    assert any("the oldest uncounted vote is 6.8 s old" in what for what in found.saturated)


def test_parts_without_samples_are_not_blamed() -> None:
    assert knee(RAMP, seconds({10: 100}), [], cores=2).saturated == []
