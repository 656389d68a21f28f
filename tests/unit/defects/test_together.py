"""What runs beside others and is left open decides nothing: it runs once more alone."""

import time
from collections.abc import Sequence
from threading import Lock

import pytest

from validation.defects.catalogue import Defect
from validation.defects.proving import together
from validation.defects.proving.bench import Bench
from validation.defects.proving.proof import Outcome, Result
from validation.defects.proving.together import not_green, prove_together

SOME = [Defect(f"D{number}", "A defect", "A story.", "server", ("2.1",), ()) for number in range(1, 7)]


class Runs:
    """Remembers the name of each run, and whether it had run before. A repeat must have the machine for itself."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, bool]] = []
        self._running = 0
        self._lock = Lock()

    def run(self, name: str) -> bool:
        """Run for a moment, and return whether this is a repeat."""
        with self._lock:
            again = (name, False) in self.begun
            self.begun.append((name, again))
            self._running += 1
            assert not (again and self._running > 1)
        time.sleep(0.01)
        with self._lock:
            self._running -= 1
        return again


@pytest.fixture
def runs() -> Runs:
    return Runs()


def outcomes_of(runs: Runs, monkeypatch: pytest.MonkeyPatch, first: Sequence[Outcome], second: Outcome) -> dict[str, Outcome]:
    by_id = dict(zip((one.id for one in SOME), first, strict=True))

    def prove(defect: Defect, _bench: Bench) -> Result:
        return Result(defect, second if runs.run(defect.id) else by_id[defect.id], "")

    monkeypatch.setattr(together, "prove", prove)
    return {result.defect.id: result.outcome for result in prove_together(SOME, 4)}


@pytest.mark.parametrize("second", list(Outcome))
def test_only_an_inconclusive_proof_is_repeated_and_its_second_outcome_stands(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, second: Outcome
) -> None:
    first = [Outcome.CAUGHT, Outcome.INCONCLUSIVE, Outcome.SURVIVED, Outcome.NOT_APPLIED, Outcome.INCONCLUSIVE, Outcome.CAUGHT]
    found = outcomes_of(runs, monkeypatch, first, second)
    expected = [second if outcome is Outcome.INCONCLUSIVE else outcome for outcome in first]
    assert list(map(found.__getitem__, (one.id for one in SOME))) == expected
    assert sorted(name for name, again in runs.begun if again) == ["D2", "D5"]


@pytest.mark.parametrize(("second", "left"), [([], []), (["2.1: FAILED"], ["2.1: FAILED"])])
def test_a_part_of_the_baseline_that_is_not_green_beside_others_is_repeated_alone(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, second: list[str], left: list[str]
) -> None:
    def slow() -> list[str]:
        return second if runs.run("slow") else ["2.1: /ready after 5.2 s"]

    def fast() -> list[str]:
        runs.run("fast")
        return []

    monkeypatch.setattr(together, "baselines", lambda _defects, _bench: [fast, slow])
    assert not_green(SOME, 4) == left
    assert sorted(runs.begun) == [("fast", False), ("slow", False), ("slow", True)]


def test_what_ran_alone_from_the_start_is_not_repeated(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> list[str]:
        runs.run("slow")
        return ["2.1: /ready after 5.2 s"]

    monkeypatch.setattr(together, "baselines", lambda _defects, _bench: [slow])
    assert not_green(SOME, 1) == ["2.1: /ready after 5.2 s"]
    assert runs.begun == [("slow", False)]
