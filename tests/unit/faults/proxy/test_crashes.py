"""Crashes are parsed from the evidence of a sweep as they were written."""

from hypothesis import given
from hypothesis import strategies as some

from validation.faults.proxy.crashes import NOT_REACHED, Crash, format_crashes, not_reached, parse_crashes
from validation.record.events import TEXT_MAX, text

WORDS = some.text("abc ()-:", min_size=1, max_size=60).map(lambda t: " ".join(t.split()) or "a")
CRASHES = some.builds(
    Crash, WORDS, WORDS, WORDS, some.integers(0, 99_999).map(lambda n: n / 100), some.sampled_from(["ok", "not drained | 3", "lost"])
)


@given(some.lists(CRASHES, max_size=4))
def test_crashes_are_parsed_as_they_were_formatted(crashes: list[Crash]) -> None:
    assert parse_crashes(format_crashes(crashes)) == tuple(crashes)


def test_a_crash_is_one_line_whatever_its_verdict_quotes_and_three_fit_into_the_record() -> None:
    wrong = Crash("before acknowledged (2)", "a successor with another name", "XACK, killed by signal 9", 1.5, "letters\n1 | 2\r\n" * 500)
    evidence = text(format_crashes([wrong] * 3))
    assert len(evidence) < TEXT_MAX
    assert [(v.point, v.seconds, v.ok) for v in parse_crashes(evidence)] == [(wrong.point, 1.5, False)] * 3


def test_a_point_that_was_not_reached_is_neither_ok_nor_reached() -> None:
    (crash,) = parse_crashes(format_crashes([not_reached("after trimmed", "it is killed", "no such command")]))
    assert (crash.reached, crash.ok, crash.verdict) == (False, False, f"{NOT_REACHED}: no such command")


def test_other_lines_are_skipped() -> None:
    assert parse_crashes("a | b | c\nsomething else\na | b | c | soon | ok\n") == ()
