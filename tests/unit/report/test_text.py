import pytest

from validation.report.text import counted, duration, one_line, percent, visible


def test_control_and_invisible_characters_are_escaped() -> None:
    assert visible("\x1b[2J\x00\x85\u202e\ufffe\u2028") == r"\x1b[2J\x00\x85\u202e\ufffe\u2028"


def test_newlines_tabs_and_other_scripts_stay() -> None:
    assert visible("Grüße,\n\t東京 👍") == "Grüße,\n\t東京 👍"


def test_a_long_text_is_shortened_and_says_so() -> None:
    assert visible("x" * 12, most=10) == "xxxxxxxxxx… (2 more characters)"


def test_one_line_has_no_line_end() -> None:
    assert one_line("a\n\n b\tc") == "a b c"


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.314, "0.31 s"), (12.04, "12.0 s"), (59.4, "59.4 s"), (59.7, "1 min 00 s"), (185.2, "3 min 05 s")]
)
def test_a_duration_reads_naturally(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("number", "noun", "written"),
    [(0, "checkpoint", "0 checkpoints"), (1, "checkpoint", "1 checkpoint"), (2, "checkpoint", "2 checkpoints"),
     (1, "crash", "1 crash"), (2, "crash", "2 crashes"), (1, "more finding", "1 more finding"), (3, "more finding", "3 more findings")],
)  # fmt: skip
def test_a_number_agrees_with_its_noun(number: int, noun: str, written: str) -> None:
    assert counted(number, noun) == written


def test_a_part_of_zero_is_zero() -> None:
    assert (percent(0, 0), percent(1, 3)) == (0.0, 33.33)
