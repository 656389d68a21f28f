"""What the records of a run come to: latencies by name after the warm-up, and a time line of everything."""

import dataclasses
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from loadtests.records import LINE, SUFFIX, Line
from loadtests.scenario import Scenario, parse_scenario
from tests.unit.load.records import BEGAN, again, grown, vote, written
from validation.load.latency import Durations, Measurements

LONGEST = 3600.0
WARM_UP, STEADY = 2, 4
SCENARIO = parse_scenario("some", {"title": "", "users": {"Voter": 1.0}, "budgets": {}, "steps": [[WARM_UP, 10], [STEADY, 20]]})
DURATIONS = some.lists(some.floats(0.0, LONGEST) | some.floats(0.0001, 0.1), min_size=1, max_size=300)


def figures(folder: Path, *lines: Line, scenario: Scenario = SCENARIO) -> Measurements:
    written(folder, (promised(line) if line.status == 201 else line for line in lines))
    return Measurements(folder, scenario, BEGAN)


def promised(line: Line) -> Line:
    return dataclasses.replace(line, vote_id=UUID(int=line.number + 1)) if line.option else line


def results(at: float, status: int = 200) -> Line:
    return Line("results", BEGAN + at, BEGAN + at, BEGAN + at + 0.01, 0, status, "", None)


@given(DURATIONS)
def test_percentiles_are_those_of_the_sorted_durations_within_the_error_of_the_histogram(seconds: list[float]) -> None:
    spread, ranked = Durations(), sorted(round(s * 1e6) / 1000 for s in seconds)
    for one in seconds:
        spread.add(one)
    for percentile in (50, 95, 99, 99.9):
        exact = ranked[max(1, int(len(ranked) * percentile / 100 + 0.5)) - 1]
        assert exact <= spread.percentile(percentile) <= exact * 1.001 + 0.001
    assert spread.max == ranked[-1]
    assert spread.count == len(ranked)


@given(DURATIONS)
def test_the_steps_of_the_histogram_cover_every_duration_and_are_the_same_in_every_run(seconds: list[float]) -> None:
    spread = Durations()
    for one in seconds:
        spread.add(one)
    steps = spread.steps()
    assert sum(count for _, count in steps) == len(seconds)
    assert steps[0][1]
    assert steps[-1][1]
    assert all(math.log10(bound) * 20 == pytest.approx(round(math.log10(bound) * 20), abs=0.01) for bound, _ in steps)
    for bound, _ in steps:
        below = sum(count for upper, count in steps if upper <= bound)
        assert sum(s * 1000 <= bound * 0.998 for s in seconds) <= below <= sum(s * 1000 <= bound * 1.002 + 0.001 for s in seconds)


def test_an_empty_histogram_has_no_steps() -> None:
    assert (Durations().steps(), Durations().percentile(95), Durations().max) == ([], 0, 0)


def test_durations_are_clamped_to_zero_and_one_hour() -> None:
    spread = Durations()
    spread.add(-3.0)
    spread.add(5000.0)
    assert (spread.count, spread.percentile(50), spread.max) == (2, 0, LONGEST * 1000)


def test_latency_counts_from_the_scheduled_time_and_service_time_from_sending(tmp_path: Path) -> None:
    late = dataclasses.replace(vote(at=3, took=0.5), sent=BEGAN + 3.4)
    (latency,) = figures(tmp_path, late).latencies
    assert (latency.p50, latency.max, latency.p999) == (pytest.approx(500, rel=0.001),) * 3
    assert (latency.service_p50, latency.service_p95, latency.service_max) == (pytest.approx(100, rel=0.001),) * 3
    assert sum(count for _, count in latency.histogram) == latency.count == 1


def test_the_warm_up_is_in_the_time_line_only(tmp_path: Path) -> None:
    found = figures(tmp_path, vote(1, 0.0, 0.3), vote(2, 1.9, 0.3), vote(3, 2.0, 0.01), vote(4, 5.9, 0.01), vote(5, 6.0, 0.3))
    (latency,) = found.latencies
    assert (latency.count, latency.max) == (2, pytest.approx(10, rel=0.001))
    assert [second.answered for second in found.timeline] == [1, 1, 1, 0, 0, 1]


def test_answers_after_the_end_count_in_the_latency_but_not_in_the_rate(tmp_path: Path) -> None:
    (latency,) = figures(tmp_path, *(vote(number, 3, 0.1) for number in range(8)), vote(9, 5.9, 7.0)).latencies
    assert (latency.count, latency.failures, latency.rate) == (9, 0, 8 / STEADY)
    assert latency.max == pytest.approx(7000, rel=0.001)


def test_every_unexpected_status_is_a_failure_and_counts_in_the_latency(tmp_path: Path) -> None:
    lines = [vote(number, 3, 0.01, status=status) for number, status in enumerate((201, 200, 429, 503))]
    found = figures(tmp_path, *lines, vote(5, 3, 2.5, status=0), again(vote(6, 3)), results(4), results(4, 201))
    assert [(one.name, one.count, one.failures, one.rate) for one in found.latencies] == [
        ("vote", 5, 4, 1 / STEADY),
        ("results", 2, 1, 1 / STEADY),
        ("vote again", 1, 0, 1 / STEADY),
    ]
    assert found.latencies[0].max == pytest.approx(2500, rel=0.001)


def test_a_201_without_a_vote_id_is_a_failure(tmp_path: Path) -> None:
    written(tmp_path, [vote(1, 3), promised(vote(2, 3))])
    (latency,) = Measurements(tmp_path, SCENARIO, BEGAN).latencies
    assert (latency.count, latency.failures) == (2, 1)


def test_only_repeated_votes_are_outside_the_schedule(tmp_path: Path) -> None:
    assert figures(tmp_path, vote(1, 0), vote(2, 3, status=0), again(vote(2, 3)), results(4), vote(3, 6.5)).sent == 4


@given(some.lists(some.tuples(some.floats(0, 5.99), some.floats(0, 3), some.sampled_from((201, 0, 500))), max_size=100))
def test_the_time_line_equals_a_plain_computation(requests: list[tuple[float, float, int]]) -> None:
    with TemporaryDirectory() as folder:
        timeline = figures(Path(folder), *(vote(n, at, took, status=status) for n, (at, took, status) in enumerate(requests))).timeline
    assert [second.at for second in timeline] == [0, 1, 2, 3, 4, 5]
    for second in timeline:
        inside = [(took, status) for at, took, status in requests if int(BEGAN + at - BEGAN) == second.at]
        ranked = sorted(took * 1000 for took, _ in inside)
        assert (second.answered, second.failed) == (len(inside), sum(status != 201 for _, status in inside))
        for seen, percentile in ((second.p50, 50), (second.p95, 95), (second.p99, 99)):
            assert seen == pytest.approx(ranked[math.ceil(len(ranked) * percentile / 100) - 1] if ranked else 0, rel=1e-4, abs=0.001)


def test_the_plan_of_a_second_follows_steps_that_change_within_it(tmp_path: Path) -> None:
    scenario = dataclasses.replace(SCENARIO, steps=tuple(dataclasses.replace(step, seconds=1.5) for step in SCENARIO.steps))
    assert [second.planned for second in figures(tmp_path, scenario=scenario).timeline] == pytest.approx([10, 15, 20])
    longer = dataclasses.replace(scenario, steps=(*scenario.steps, dataclasses.replace(scenario.steps[0], seconds=0.5)))
    assert [second.planned for second in figures(tmp_path, scenario=longer).timeline] == pytest.approx([10, 15, 20, 5])


def test_without_a_record_there_is_no_latency_and_an_empty_time_line(tmp_path: Path) -> None:
    found = figures(tmp_path)
    assert (found.latencies, found.sent) == ([], 0)
    assert [(second.answered, second.p99) for second in found.timeline] == [(0, 0)] * (WARM_UP + STEADY)


def test_a_truncated_record_is_ignored(tmp_path: Path) -> None:
    (process,) = written(tmp_path, [vote(1, 3), vote(2, 3)])
    file = tmp_path / f"{process}{SUFFIX}"
    file.write_bytes(file.read_bytes()[: LINE.size + 7])
    assert Measurements(tmp_path, SCENARIO, BEGAN).latencies[0].count == 1


def test_two_hundred_thousand_records_need_a_few_mib(tmp_path: Path) -> None:
    written(tmp_path, (vote(number, 6 * number / 200_000, number % 1000 / 10_000) for number in range(200_000)))
    setup = "from tests.unit.load.test_latency import *"
    work = "found = Measurements(Path(sys.argv[1]), SCENARIO, BEGAN)\nassert found.latencies and found.timeline and found.sent == 200_000"
    assert grown(setup, work, str(tmp_path)) < 8
