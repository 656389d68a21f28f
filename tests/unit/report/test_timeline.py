"""The timeline tells when each scenario ran, where it paused, and whether the processors were idle."""

from collections.abc import Sequence
from datetime import date

import pytest
from msgspec import structs

from validation.record.events import Event, Finished, Observed, ProcessorsUsed, RunStarted, Started
from validation.record.verdicts import Run, evaluate
from validation.registry.checkpoints import registry
from validation.report import html, timeline
from validation.report.timeline import Timeline

BEGAN = 1_796_000_000.0
STARTED = RunStarted("run", "local", "2026-11-30T00:00:00+00:00", ["5.1", "6.1"], [], {}, {}, [])


def scenario(checkpoint: str, begins: float, ends: float, paused: float = 0.0, name: str = "It holds") -> list[Event]:
    identifier = f"{checkpoint} {name}"
    return [
        Started(identifier, name, [checkpoint], "a.feature", at=BEGAN + begins),
        Observed(identifier, "Then", "status", "200", "200", True),
        Finished(identifier, "passed", "", ends - begins, "local", BEGAN + ends, paused),
    ]


def run_of(*events: Event) -> Run:
    return evaluate([STARTED, *events], registry(), date(2026, 11, 30))


def drawn(*events: Event) -> Timeline:
    found = timeline.of_run(run_of(*events))
    assert found is not None
    return found


def busy(*shares: float) -> ProcessorsUsed:
    return ProcessorsUsed(BEGAN, 1.0, list(shares))


def test_checkpoints_stand_in_the_order_in_which_they_began() -> None:
    found = drawn(*scenario("6.1", 0, 10, paused=5), *scenario("5.1", 10, 40), *scenario("6.1", 40, 100, name="It lasts"))
    assert [row.id for row in found.rows] == ["6.1", "5.1"]
    assert [(block.start, block.length, block.paused) for block in found.rows[0].blocks] == [(0, 10, 50), (40, 60, 0)]
    assert found.rows[0].blocks[1].told == "It lasts: 1 min 00 s"


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([0.5, 1, 0.1, 0.9], "The processors were never all idle at once."),
        ([0.5, 0.09, 0.02, 0.9, 0.05], "All processors were idle for 3.0 s, at most 2.0 s at a stretch, during: It waits."),
    ],
)
def test_the_longest_time_without_work_is_named_with_its_scenario(shares: Sequence[float], told: str) -> None:
    found = drawn(*scenario("6.1", 0, 1.5), *scenario("5.1", 1.5, 5, name="It waits"), busy(*shares))
    assert found.idle == told
    assert [y for _, y in found.busy] == [round(100 - 100 * share, 1) for share in shares]
    assert [x for x, _ in found.busy] == [20 * number for number in range(1, len(shares) + 1)]


def test_without_times_there_is_no_timeline() -> None:
    old = [Started("a", "It holds", ["5.1"], "a.feature"), Finished("a", "passed", "", 1.0, "local")]
    assert timeline.of_run(run_of(*old)) is None
    assert "Timeline" not in html.render(run_of(*old))


def test_a_clock_that_stepped_back_leaves_a_scenario_out() -> None:
    found = drawn(*scenario("6.1", 0, 10), *scenario("5.1", 10, 5))
    assert [row.id for row in found.rows] == ["6.1"]


def test_nobody_watched_the_processors() -> None:
    found = drawn(*scenario("6.1", 0, 10))
    assert (found.busy, found.idle) == ([], "")


@pytest.mark.parametrize(("seconds", "last"), [(4, "4 s"), (95, "90 s"), (700, "10 min"), (5000, "80 min"), (100_000, "1560 min")])
def test_the_axis_has_few_marks(seconds: float, last: str) -> None:
    ticks = drawn(*scenario("6.1", 0, seconds)).ticks
    assert ticks[0].label.startswith("0 ")
    assert ticks[-1].label == last
    assert len(ticks) <= 14


def test_waits_that_ended_at_their_limit_are_listed_with_their_scenario() -> None:
    waited = "features/steps/votes/<b>.py:88 waited for 10.2 s"
    events = scenario("6.1", 0, 10)
    events[-1] = structs.replace(events[-1], in_vain=[waited])
    assert drawn(*events).in_vain == [("It holds", (waited,))]
    page = html.render(run_of(*events))
    assert "<td>features/steps/votes/&lt;b&gt;.py:88 waited for 10.2 s<br></td>" in page
    assert "Waits that ended at their limit" not in html.render(run_of(*scenario("6.1", 0, 10)))


def test_the_page_shows_it() -> None:
    page = html.render(run_of(*scenario("6.1", 0, 10, paused=5, name="<b>"), busy(*[0.01] * 10)))
    assert "&lt;b&gt;: 10.0 s</title>" in page
    assert "All processors were idle for 10.0 s, at most 10.0 s at a stretch, during: &lt;b&gt;." in page
