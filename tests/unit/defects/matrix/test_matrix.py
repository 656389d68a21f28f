from msgspec import structs

from tests.unit.defects.example import AGAIN, COUNTED, DEFECTS, HEADERS, LEDGER, MATRIX, NEVER, ROWS, row
from validation.defects.matrix import markdown
from validation.defects.matrix.matrix import Cell, Matrix, by_checkpoint

FIELD, HEAD, END = ROWS


def test_a_cell_says_what_a_checkpoint_made_of_a_defect() -> None:
    told = {column: MATRIX.cell(END, column) for column in MATRIX.columns}
    assert told == {
        "2.3": Cell.PASSED,
        "5.1": Cell.PASSED,
        "6.1": Cell.MISSED,
        "6.2": Cell.PASSED,
        "7.1": Cell.BESIDES,
        "B1": Cell.OPEN,
    }
    assert MATRIX.cell(FIELD, "6.2") is Cell.CAUGHT


def test_a_checkpoint_that_did_not_look_is_neither_green_nor_open_unless_it_should_have_looked() -> None:
    one = structs.replace(row("D3"), verdicts={"7.1": "FAILED"}, apart=["6.2", "B1"])
    assert [MATRIX.cell(one, column) for column in ("B1", "7.1", "6.2")] == [Cell.APART, Cell.CAUGHT, Cell.OPEN]


def test_a_run_without_results_proves_nothing_of_any_checkpoint() -> None:
    broken = row("D3", trouble="It did not end.")
    assert {MATRIX.cell(broken, column) for column in MATRIX.columns} == {Cell.OPEN}
    assert not MATRIX.is_caught(broken)


def test_caught_means_each_named_checkpoint() -> None:
    assert [MATRIX.is_caught(one) for one in ROWS] == [True, True, False]
    assert not MATRIX.is_caught(row("D80"))


def test_what_fell_besides_is_told_apart_from_what_was_named() -> None:
    assert MATRIX.cells(END, Cell.BESIDES) == ("7.1",)
    assert MATRIX.besides_only == ()
    assert Matrix((END,), MATRIX.columns).besides_only == ("7.1",)


def test_a_checkpoint_that_nothing_turned_red_is_unproven() -> None:
    assert MATRIX.unproven == ("5.1", "6.1", "B1")
    assert MATRIX.reds("7.1") == ("D3", "D4")


def test_observations_are_told_by_how_many_defects_they_saw() -> None:
    assert MATRIX.witnesses[LEDGER] == ("D3", "D4")
    assert MATRIX.by_one_defect == ((COUNTED, "D3"), (AGAIN, "D3"), (HEADERS, "D13"))
    assert MATRIX.never_wrong == (NEVER,)


def test_a_defect_that_one_observation_sees_is_named_with_it() -> None:
    assert MATRIX.sole == {"D13": HEADERS, "D4": LEDGER}


def test_an_observation_that_was_wrong_twice_in_a_run_is_one() -> None:
    twice = Matrix((row("D13", wrong=(HEADERS, HEADERS), c2_3="FAILED"),), MATRIX.columns)
    assert twice.sole == {"D13": HEADERS}
    assert twice.witnesses == {HEADERS: ("D13",)}


def test_without_rows_everything_is_unproven() -> None:
    empty = Matrix((), ("5.1",), (NEVER,))
    assert (empty.unproven, empty.never_wrong, empty.sole) == (("5.1",), (NEVER,), {})


def test_observations_are_grouped_by_checkpoint() -> None:
    assert by_checkpoint([COUNTED, HEADERS, AGAIN]) == {"6.2": [COUNTED, AGAIN], "2.3": [HEADERS]}


def test_the_text_says_it_all_and_ends_with_how_many_have_been_seen_to_fail() -> None:
    text = markdown.markdown(MATRIX, DEFECTS, {"2.3", "6.2", "7.1"})
    for told in (
        "2 of 3 defects turned red every checkpoint that they name; missed: D4.",
        "| D3 Another field | 6.2 7.1 |  |  |  | 0 |",
        "| D4 The wrong end |  | 6.1 | B1 | 7.1 | 1 |",
        "(UNPROVEN): 5.1, 6.1, B1",
        "Observations that only one defect turns wrong: 3 of 4",
        "Defects that a single observation sees: D13, D4",
        "Steps that alone see a defect: 2 of 5; of the others, without a reason to stay: 3",
        "no defect here has turned wrong: 1 of 5",
        "Not in the matrix, needs a cluster: D80",
    ):
        assert told in text
    assert text.endswith("0 of 20 checks beyond the protocol and 3 of 32 checkpoints are self-tested")


def test_what_was_seen_elsewhere_is_not_called_unproven() -> None:
    text = markdown.markdown(MATRIX, DEFECTS, {"5.1"})
    assert "(UNPROVEN): 6.1, B1\n" in text
    assert "by one elsewhere: 5.1\n" in text


def test_a_run_without_results_is_told_in_the_text() -> None:
    text = markdown.markdown(Matrix((row("D13", trouble="It did not end."),), MATRIX.columns), DEFECTS, ())
    assert "not proven: D13." in text
    assert "all: the run gave no results" in text
