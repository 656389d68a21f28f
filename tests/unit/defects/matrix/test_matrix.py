from msgspec import structs

from tests.unit.defects.example import AGAIN, COUNTED, DEFECTS, HEADERS, LEDGER, MATRIX, NEVER, ROWS, row
from validation.defects.matrix import markdown
from validation.defects.matrix.matrix import Cell, Matrix, by_checkpoint
from validation.registry.checkpoints import registry

FIELD, HEAD, END = ROWS


def test_a_cell_says_what_became_of_a_defect_at_a_checkpoint() -> None:
    cells = {column: MATRIX.cell(END, column) for column in MATRIX.columns}
    assert cells == {
        "2.3": Cell.PASSED,
        "5.1": Cell.PASSED,
        "6.1": Cell.SURVIVED,
        "6.2": Cell.PASSED,
        "7.1": Cell.ALSO_FAILED,
        "B1": Cell.NOT_PROVEN,
    }
    assert MATRIX.cell(FIELD, "6.2") is Cell.CAUGHT


def test_an_unaffected_checkpoint_is_neither_passed_nor_not_proven_unless_it_must_catch_the_defect() -> None:
    one = structs.replace(row("D3"), verdicts={"7.1": "FAILED"}, unaffected=["6.2", "B1"])
    assert [MATRIX.cell(one, column) for column in ("B1", "7.1", "6.2")] == [Cell.UNAFFECTED, Cell.CAUGHT, Cell.NOT_PROVEN]


def test_a_run_without_results_leaves_every_checkpoint_not_proven() -> None:
    broken = row("D3", error="It did not end.")
    assert {MATRIX.cell(broken, column) for column in MATRIX.columns} == {Cell.NOT_PROVEN}
    assert not MATRIX.is_caught(broken)


def test_caught_means_by_every_checkpoint_that_must_catch_it() -> None:
    assert [MATRIX.is_caught(one) for one in ROWS] == [True, True, False]
    assert not MATRIX.is_caught(row("D80"))


def test_also_failed_is_separate_from_caught() -> None:
    assert MATRIX.cells(END, Cell.ALSO_FAILED) == ("7.1",)
    assert MATRIX.only_also_failed == ()
    assert Matrix((END,), MATRIX.columns).only_also_failed == ("7.1",)


def test_a_checkpoint_that_fails_for_no_defect_never_failed() -> None:
    assert MATRIX.never_failed == ("5.1", "6.1", "B1")
    assert MATRIX.failed_for("7.1") == ("D3", "D4")


def test_observations_are_grouped_by_the_defects_that_make_them_wrong() -> None:
    assert MATRIX.wrong[LEDGER] == ("D3", "D4")
    assert MATRIX.wrong_for_one == ((COUNTED, "D3"), (AGAIN, "D3"), (HEADERS, "D13"))
    assert MATRIX.never_wrong == (NEVER,)


def test_a_defect_that_a_single_observation_catches_is_listed_with_it() -> None:
    assert MATRIX.caught_by_one == {"D13": HEADERS, "D4": LEDGER}


def test_an_observation_that_is_wrong_twice_in_a_run_counts_once() -> None:
    twice = Matrix((row("D13", wrong=(HEADERS, HEADERS), c2_3="FAILED"),), MATRIX.columns)
    assert twice.caught_by_one == {"D13": HEADERS}
    assert twice.wrong == {HEADERS: ("D13",)}


def test_without_rows_every_checkpoint_never_failed() -> None:
    empty = Matrix((), ("5.1",), (NEVER,))
    assert (empty.never_failed, empty.never_wrong, empty.caught_by_one) == (("5.1",), (NEVER,), {})


def test_observations_are_grouped_by_checkpoint() -> None:
    assert by_checkpoint([COUNTED, HEADERS, AGAIN]) == {"6.2": [COUNTED, AGAIN], "2.3": [HEADERS]}


def test_the_text_ends_with_how_many_checkpoints_are_self_tested() -> None:
    text = markdown.markdown(MATRIX, DEFECTS, {"2.3", "6.2", "7.1"})
    for line in (
        "2 of 3 defects caught by every checkpoint that must catch it; survived: D4.",
        "| D3 Another field | 6.2 7.1 |  |  |  | 0 |",
        "| D4 The wrong end |  | 6.1 | B1 | 7.1 | 1 |",
        "Not self-tested: 5.1, 6.1, B1",
        "Observations that only one defect makes wrong: 3 of 4",
        "Defects that a single observation catches: D13, D4",
        "Steps that are the only one to catch a defect: 2 of 5; others without a reason to keep them: 3",
        "Observations that no defect makes wrong: 1 of 5",
        "Not included, needs a cluster: D80",
    ):
        assert line in text
    beyond = sum(identifier.startswith("B") for identifier in registry())
    assert text.endswith(f"0 of {beyond} checks beyond the protocol and 3 of 32 checkpoints are self-tested")


def test_a_checkpoint_that_is_self_tested_elsewhere_is_listed_separately() -> None:
    text = markdown.markdown(MATRIX, DEFECTS, {"5.1"})
    assert "Not self-tested: 6.1, B1\n" in text
    assert "Self-tested elsewhere, but never failed here: 5.1\n" in text


def test_the_text_names_a_run_without_results() -> None:
    text = markdown.markdown(Matrix((row("D13", error="It did not end."),), MATRIX.columns), DEFECTS, ())
    assert "not proven: D13." in text
    assert "all: the run gave no results" in text
