from pathlib import Path

import pytest

from tests.unit.defects.example import AGAIN, COUNTED, HEADERS, LEDGER, MATRIX, NEVER, row
from validation.core.errors import HarnessError
from validation.defects.matrix.matrix import Matrix
from validation.defects.matrix.steps import Step, read_kept, sights, step_of, written
from validation.defects.results import Seen

COUNT, ACCEPT, BOOKS = (Step(one.checkpoint, one.step) for one in (COUNTED, NEVER, LEDGER))


def test_a_step_is_the_only_one_where_no_other_is_wrong_of_the_same_defect() -> None:
    told = {one.step: (one.alone, one.beside) for one in sights(MATRIX, {})}
    assert told == {
        step_of(HEADERS): (("D13",), ()),
        ACCEPT: ((), ()),
        COUNT: ((), ("D3",)),
        step_of(AGAIN): ((), ("D3",)),
        BOOKS: (("D4",), ("D3",)),
    }


def test_two_observations_of_a_step_are_one_step() -> None:
    other = Seen(HEADERS.checkpoint, "another", HEADERS.step, "another")
    twice = Matrix((row("D13", wrong=(HEADERS, other), c2_3="FAILED"),), MATRIX.columns)
    assert [one.alone for one in sights(twice, {})] == [("D13",)]


def test_a_step_that_stays_says_why_and_another_says_nothing() -> None:
    told = {one.step: one.stays for one in sights(MATRIX, {ACCEPT: "It is the promise itself."})}
    assert (told[ACCEPT], told[COUNT]) == ("It is the promise itself.", "")


@pytest.mark.parametrize(
    ("checkpoint", "said", "as_written"),
    [
        ("1.3", "Then all places of the API port say the same", "Then all places of the <fact> say the same"),
        ("B1", "Then it keeps every write on disk and evicts nothing", "Then it keeps every write on disk and evicts nothing"),
        ("B1", "Then nobody writes this", "Then nobody writes this"),
    ],
)
def test_an_outline_has_one_step_whatever_its_examples_are(checkpoint: str, said: str, as_written: str) -> None:
    assert step_of(Seen(checkpoint, "a scenario", said, "a subject")) == Step(checkpoint, as_written)


def test_each_step_that_stays_is_written_in_a_feature() -> None:
    texts = {Step(checkpoint, text) for checkpoint, steps in written().items() for _, text in steps}
    assert [step for step in read_kept() if step not in texts] == []


def test_a_step_has_one_reason(tmp_path: Path) -> None:
    file = tmp_path / "kept.toml"
    file.write_text('[[kept]]\nsteps = ["B1 B1: Then a"]\nwhy = "b"\n', encoding="utf-8")
    with pytest.raises(HarnessError, match="says twice why a step of B1 stays: Then a"):
        read_kept(file)
