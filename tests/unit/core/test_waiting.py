"""Waiting stops as soon as the condition holds or can no longer hold, and keeps what was seen."""

import itertools
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from validation.core import waiting
from validation.core.waiting import Waited, consistently, eventually


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves."""
    now = [1000.0]  # a clock does not begin at 0

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    return now


def test_a_condition_that_holds_at_once_needs_no_sleep(clock: list[float]) -> None:
    waited = eventually(lambda: 7, lambda value: value == 7, within=5)
    assert (waited.value, waited.held, waited.seconds, clock) == (7, True, 0.0, [1000.0])


def test_it_stops_as_soon_as_the_condition_holds() -> None:
    numbers = itertools.count()
    waited = eventually(lambda: next(numbers), lambda value: value == 10, within=5)
    assert (waited.value, waited.held) == (10, True)
    assert waited.seconds == pytest.approx(10 * waiting.EVERY_SECONDS)


def test_it_gives_up_at_its_limit_with_the_last_value() -> None:
    waited = eventually(lambda: "no", lambda value: value == "yes", within=1)
    assert (waited.value, waited.held) == ("no", False)
    assert 1 <= waited.seconds < 1 + 2 * waiting.EVERY_SECONDS


def test_a_long_wait_polls_less_often_and_measures_as_exactly(clock: list[float]) -> None:
    looks = list[float]()
    waited = eventually(lambda: looks.append(clock[0]), lambda _: clock[0] >= 1020, within=60)
    assert 20 <= waited.seconds < 20 + waiting.LONGEST_PAUSE_SECONDS
    assert len(looks) < 20 / waiting.EVERY_SECONDS / 4
    waits = [(earlier - 1000, later - earlier) for earlier, later in itertools.pairwise(looks)]
    assert all(pause <= min(max(0.02, waited / 40), 0.25) + 1e-9 for waited, pause in waits), "a measured time is exact to 2.5 %"
    assert waits[-1][1] == pytest.approx(0.25), "however long it waits, it looks four times a second"


def test_consistently_polls_at_a_constant_rate(clock: list[float]) -> None:
    looks = list[float]()
    consistently(lambda: looks.append(clock[0]), lambda _: True, during=20)
    assert max(later - earlier for earlier, later in itertools.pairwise(looks)) == pytest.approx(waiting.EVERY_SECONDS)


@pytest.mark.parametrize("wait", [eventually, consistently])
def test_without_time_it_looks_once_and_does_not_sleep(wait: Callable[..., Waited[bool]], clock: list[float]) -> None:
    looks = itertools.count()
    waited = wait(lambda: next(looks) >= 0, lambda _: wait is consistently, **{"within" if wait is eventually else "during": 0.0})
    assert (waited.held, waited.seconds, next(looks), clock) == (wait is consistently, 0.0, 1, [1000.0])


def test_a_forbidden_state_ends_it_at_once() -> None:
    values = iter(["starting", "dead", "ready"])
    waited = eventually(lambda: next(values), lambda value: value == "ready", within=60, never=lambda value: value == "dead")
    assert (waited.value, waited.held) == ("dead", False)
    assert next(values) == "ready", "nobody looked again"


def test_a_forbidden_state_wins_over_the_awaited_one() -> None:
    assert not eventually(lambda: 1, bool, within=1, never=bool).held


def test_consistently_watches_until_the_end() -> None:
    waited = consistently(lambda: 3, lambda value: value == 3, during=2)
    assert waited.held
    assert waited.seconds >= 2


def test_consistently_stops_when_the_condition_no_longer_holds() -> None:
    values = itertools.chain(["up"] * 5, itertools.repeat("down"))
    waited = consistently(lambda: next(values), lambda value: value == "up", during=60)
    assert (waited.value, waited.held) == ("down", False)
    assert waited.seconds < 1


def test_the_story_has_each_change_once() -> None:
    values = iter(["a", "a", "b", "b", "a", "c"])
    waited = eventually(lambda: next(values), lambda value: value == "c", within=5)
    assert [text for _, text in waited.seen] == ["a", "b", "a", "c"]
    assert waited.story.splitlines()[1] == "  0.04 s  b"


def test_a_long_story_keeps_its_start_and_its_end() -> None:
    numbers = itertools.count()
    waited = eventually(lambda: next(numbers), lambda value: value == 100, within=60)
    told = [text for _, text in waited.seen]
    assert len(told) == 20
    assert (told[0], told[-1]) == ("0", "100")


def test_a_huge_value_is_shortened() -> None:
    ((_, text),) = eventually(lambda: "x" * 100_000, bool, within=1).seen
    assert len(text) == 200


def test_what_a_thread_paused_is_added_up() -> None:
    before, values = waiting.paused_seconds(), itertools.count()
    eventually(lambda: next(values), lambda value: value == 3, within=5, every=0.5)
    consistently(lambda: 1, lambda value: value == 1, during=2, every=1)
    assert waiting.paused_seconds() - before == 3.5


def test_a_wait_that_ends_at_its_limit_is_noted_with_its_line() -> None:
    before = len(waiting.waits_in_vain())
    eventually(lambda: 1, lambda value: value == 2, within=3, every=0.5)
    eventually(lambda: 1, lambda value: value == 1, within=3)
    eventually(lambda: 1, lambda value: value == 2, within=3, never=lambda value: value == 1)
    consistently(lambda: 1, lambda value: value == 1, during=2, every=1)
    (noted,) = waiting.waits_in_vain()[before:]
    place, _, text = noted.partition(" ")
    assert place.startswith("tests/unit/core/test_waiting.py:")
    assert text == "waited for 3.0 s"
