import pytest

from validation.record.events import Planned
from validation.report.time_left import TimeLeft


def planned(*seconds: float) -> TimeLeft:
    """A run of scenarios "0", "1", ... that took so many seconds when they were recorded."""
    left = TimeLeft({("a.feature", str(number)): one for number, one in enumerate(seconds)})
    for number in range(len(seconds)):
        left.plan(Planned(str(number), str(number), ["5.1"], "a.feature"))
    return left


def test_nothing_is_said_before_there_is_something_to_compare_with() -> None:
    left = planned(1, 99)
    assert left.seconds(30.0) is None
    left.finish("0")
    assert left.seconds(30.0) is None
    assert TimeLeft({}).seconds(1.0) is None


@pytest.mark.parametrize(("elapsed", "expected"), [(10.0, 90.0), (20.0, 180.0), (5.0, 45.0)])
def test_a_machine_that_is_slower_so_far_stays_slower(elapsed: float, expected: float) -> None:
    left = planned(10, 60, 30)
    left.finish("0")
    assert left.seconds(elapsed) == pytest.approx(expected)


def test_a_scenario_without_a_record_counts_as_the_median() -> None:
    left = planned(10, 10, 40)
    left.plan(Planned("new", "new", ["5.1"], "a.feature"))
    left.finish("0")
    assert left.seconds(10.0) == pytest.approx(60.0)


def test_at_the_end_nothing_is_left() -> None:
    left = planned(10, 20)
    left.finish("0")
    left.finish("1")
    assert left.seconds(40.0) == pytest.approx(0.0)
