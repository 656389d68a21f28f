import math

import pytest
from msgspec import structs

from tests.unit.load.example import FAULT, SECONDS, VOTE, nothing, result, samples, seconds
from validation.load.report import axes
from validation.load.report.charts import Chart, Line, distributions, over_time
from validation.load.result import LoadResult, Sample


def chart(title: str, of: LoadResult | None = None) -> Chart:
    (found,) = [c for c in over_time(of or result()) if c.title.startswith(title)]
    return found


def line(chart: Chart, name: str) -> Line:
    (found,) = [one for one in chart.lines if one.name.startswith(name)]
    return found


def labels(ticks: list[axes.Tick]) -> list[str]:
    return [tick.label for tick in ticks]


def test_later_is_further_right_and_larger_is_further_up() -> None:
    (piece,) = line(chart("Memory"), "api").pieces
    assert piece == sorted(piece)
    assert [y for _, y in piece] == sorted((y for _, y in piece), reverse=True)
    (falling,) = line(chart("Throughput"), "answered").pieces
    assert falling[0][1] < falling[-1][1]


def test_a_value_is_placed_on_its_axis() -> None:
    throughput = chart("Throughput", structs.replace(result(), knee=None))
    assert labels(throughput.y_ticks) == ["0", "500", "1 000"]
    assert [tick.at for tick in throughput.y_ticks] == [100, 50, 0]
    (planned,) = line(throughput, "planned").pieces
    assert {y for _, y in planned} == {0}
    assert planned[0][0] == 0
    assert planned[-1][0] == 100


def test_a_figure_of_a_second_is_drawn_in_its_middle_and_a_sample_at_its_time() -> None:
    (answered,), (memory,) = line(chart("Throughput"), "answered").pieces, line(chart("Memory"), "api").pieces
    assert (answered[0][0], memory[1][0]) == (pytest.approx(100 * 0.5 / SECONDS), pytest.approx(100 * 1 / SECONDS))


def test_a_logarithmic_axis_gives_each_power_of_ten_the_same_width() -> None:
    axis = axes.logarithmic([1, 1000], "ms")
    assert [axis.place(v) for v in (1, 10, 100, 1000)] == pytest.approx([0, 33.33, 66.67, 100], abs=0.01)
    assert [t.label for t in axis.ticks if t.label] == ["1", "10", "100", "1 000"]


@pytest.mark.parametrize("lowest", [0.013, 0.2, 1, 7.7, 900])
@pytest.mark.parametrize("times", [1, 1.3, 12, 4000])
def test_every_value_is_between_two_labels_of_its_axis(lowest: float, times: float) -> None:
    values = [lowest, lowest * times]
    for axis in (axes.linear(values, ""), axes.logarithmic(values, "")):
        assert axis.low <= lowest < axis.high * (1 + 1e-9)
        assert axis.high >= max(values)
        assert len([tick for tick in axis.ticks if tick.label]) >= 2
        assert [t.at for t in axis.ticks] == sorted({t.at for t in axis.ticks})
        assert (axis.ticks[0].at, axis.ticks[-1].at) == (0, 100)


def test_axes_of_counts_have_whole_labels() -> None:
    assert labels(axes.linear([0, 1], "").ticks) == ["0", "1"]
    assert labels(axes.linear([0.0, 1.0], "").ticks) == ["0", "0.5", "1"]


def test_a_long_run_is_labelled_in_minutes() -> None:
    axis = axes.time(670)
    assert axis.unit.startswith("minutes")
    assert labels(axis.ticks) == ["0", "2", "4", "6", "8", "10"]
    assert axes.time(65).unit.startswith("seconds")


def test_what_could_not_be_read_is_a_gap_not_a_zero() -> None:
    before, after = line(chart("Votes not"), "lag").pieces
    assert (len(before), len(after)) == (11, SECONDS - 13)
    assert before[-1][0] == pytest.approx(100 * 10 / SECONDS)
    assert after[0][0] == pytest.approx(100 * 13 / SECONDS)
    assert after[0][1] < before[-1][1] < 100
    assert len(line(chart("CPU"), "redis").pieces) == 2
    assert len(line(chart("CPU"), "api").pieces) == 1


def test_a_single_value_between_gaps_is_a_point() -> None:
    some = samples()
    alone = [structs.replace(s, lag=None) if s.at != 15 else s for s in some]
    (piece,) = line(chart("Votes not", structs.replace(result(), samples=alone)), "lag").pieces
    assert piece == [piece[0]] * 2


def test_a_time_without_samples_or_seconds_is_a_gap() -> None:
    away = structs.replace(result(), samples=[s for s in samples() if not 5 < s.at < 10], timeline=[s for s in seconds() if s.at != 7])
    assert len(line(chart("Memory", away), "api").pieces) == 2
    assert len(line(chart("Throughput", away), "answered").pieces) == 2


def test_a_second_without_an_answer_has_no_latency() -> None:
    silent = [structs.replace(s, answered=0, p50=0.0, p95=0.0, p99=0.0) if s.at == 9 else s for s in seconds()]
    of = structs.replace(result(), timeline=silent)
    assert [len(piece) for piece in line(chart("Latency", of), "p95").pieces] == [9, SECONDS - 10]
    assert len(line(chart("Throughput", of), "answered").pieces) == 1


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, -1.0, 0.0])
def test_a_value_that_is_not_a_number_or_not_on_a_logarithmic_axis_is_not_drawn(wrong: float) -> None:
    odd = [structs.replace(s, p99=wrong) if s.at == 9 else s for s in seconds()]
    assert len(line(chart("Latency", structs.replace(result(), timeline=odd)), "p99").pieces) == 2


def test_every_chart_over_time_marks_faults_and_warm_up() -> None:
    for one in over_time(result()):
        (band,) = one.bands
        assert (band.label, band.name) == ("F1", FAULT.name)
        assert (band.begin, band.length) == (pytest.approx(100 * FAULT.begun / SECONDS), pytest.approx(20))
        assert one.warm_up == pytest.approx(20)
        assert FAULT.name in one.described


def test_a_very_short_fault_is_still_visible() -> None:
    short = structs.replace(result(), faults=[structs.replace(FAULT, ended=FAULT.begun)])
    assert chart("CPU", short).bands[0].length > 0


def test_a_failed_request_does_not_count_as_answered() -> None:
    (piece,) = line(chart("Throughput", structs.replace(result(), knee=None)), "answered").pieces
    assert piece[11][1] == pytest.approx(100 - (1000 - 11 - 3) / 10)


def test_the_knee_is_a_level_within_the_throughput_chart() -> None:
    (level,) = chart("Throughput").across
    assert level.at == pytest.approx(100 - 100 * 2500 / 3000, abs=0.01)
    assert not chart("Latency").across


def test_a_chart_has_a_description() -> None:
    assert "answered as expected: 981 to 1 000." in chart("Throughput").described
    unread = structs.replace(result(), samples=[structs.replace(s, lag=None) for s in samples()])
    assert "lag: not yet delivered: nothing was observed." in chart("Votes not", unread).described


def test_without_samples_a_chart_is_empty() -> None:
    assert [one.empty for one in over_time(nothing())] == [True] * 7
    assert distributions(nothing()) == []
    unread = [Sample(float(at), None, None, None, {}, {}) for at in range(5)]
    assert chart("Age", structs.replace(result(), samples=unread)).empty
    assert not any(one.empty for one in over_time(result()) + distributions(result()))


def test_every_part_has_the_same_position_in_both_charts_of_parts() -> None:
    assert [one.name for one in chart("CPU").lines] == [one.name for one in chart("Memory").lines] == ["api", "redis"]


def test_a_distribution_has_a_bar_for_each_step_that_has_requests() -> None:
    vote = distributions(structs.replace(result(), reconciliation=None))[0]
    first, second, last = vote.bars
    assert first.x < first.x + first.width <= second.x + 0.02 < last.x
    assert first.height / second.height == pytest.approx(4000 / 11800, rel=1e-2)
    assert all(bar.y + bar.height == pytest.approx(100) for bar in vote.bars)
    assert [mark.label for mark in vote.down] == ["p50 1.25", "p95 9.5", "p99 75", "max 640"]
    assert [mark.at for mark in vote.down] == sorted(mark.at for mark in vote.down)
    assert last.x + last.width == pytest.approx(vote.down[-1].at)


def test_a_bar_after_a_gap_is_as_wide_as_the_others() -> None:
    widths = [bar.width for bar in distributions(structs.replace(result(), reconciliation=None))[0].bars]
    assert widths == pytest.approx([widths[0]] * 3, abs=0.02)


def test_one_request_in_a_million_is_still_visible() -> None:
    rare = structs.replace(VOTE, histogram=[(1.0, 999_999), (1000.0, 1)])
    (one,) = distributions(structs.replace(result(), latencies=[rare], reconciliation=None))
    assert one.bars[-1].height > 0.5


def test_all_distributions_share_their_axis_and_the_last_is_from_vote_to_count() -> None:
    every = distributions(result())
    assert [one.title for one in every] == ["Latency of vote", "Latency of results", "Time from response to count"]
    assert all(one.x_ticks == every[0].x_ticks for one in every)


def test_an_empty_histogram_is_an_empty_chart() -> None:
    (one,) = distributions(structs.replace(result(), latencies=[structs.replace(VOTE, histogram=[(0.0, 3)])], reconciliation=None))
    assert one.empty
