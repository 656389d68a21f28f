from pathlib import Path

import pytest

from tests.unit.defects.example import AGAIN, COUNTED, HEADERS, LEDGER, MATRIX, NEVER, row
from validation.core.errors import HarnessError
from validation.defects.matrix.matrix import Matrix
from validation.defects.matrix.steps import Step, read_reasons, step_of, step_results, written
from validation.defects.results import Observation

COUNT, ACCEPT, BOOKS = (Step(one.checkpoint, one.step) for one in (COUNTED, NEVER, LEDGER))


def test_a_step_catches_a_defect_alone_if_no_other_step_does() -> None:
    found = {one.step: (one.alone, one.shared) for one in step_results(MATRIX, {})}
    assert found == {
        step_of(HEADERS): (("D13",), ()),
        ACCEPT: ((), ()),
        COUNT: ((), ("D3",)),
        step_of(AGAIN): ((), ("D3",)),
        BOOKS: (("D4",), ("D3",)),
    }


def test_two_observations_of_a_step_belong_to_one_step() -> None:
    other = Observation(HEADERS.checkpoint, "another", HEADERS.step, "another")
    twice = Matrix((row("D13", wrong=(HEADERS, other), c2_3="FAILED"),), MATRIX.columns)
    assert [one.alone for one in step_results(twice, {})] == [("D13",)]


def test_a_step_has_the_stated_reason_or_none() -> None:
    found = {one.step: one.reason for one in step_results(MATRIX, {ACCEPT: "It is the guarantee itself."})}
    assert (found[ACCEPT], found[COUNT]) == ("It is the guarantee itself.", "")


@pytest.mark.parametrize(
    ("checkpoint", "recorded", "as_written"),
    [
        ("1.3", "Then all of them state the same API port", "Then all of them state the same <fact>"),
        ("B1", "Then they persist every write and evict nothing", "Then they persist every write and evict nothing"),
        ("B1", "Then no feature contains this", "Then no feature contains this"),
    ],
)
def test_a_step_of_an_outline_is_one_step_whatever_the_example(checkpoint: str, recorded: str, as_written: str) -> None:
    assert step_of(Observation(checkpoint, "a scenario", recorded, "a subject")) == Step(checkpoint, as_written)


def test_each_redundant_step_is_in_a_feature() -> None:
    texts = {Step(checkpoint, text) for checkpoint, steps in written().items() for _, text in steps}
    assert [step for step in read_reasons() if step not in texts] == []


def test_a_step_is_listed_once(tmp_path: Path) -> None:
    file = tmp_path / "redundant.toml"
    file.write_text('[[redundant]]\nsteps = ["B1 B1: Then a"]\nreason = "b"\n', encoding="utf-8")
    with pytest.raises(HarnessError, match="lists a step of B1 twice: Then a"):
        read_reasons(file)
