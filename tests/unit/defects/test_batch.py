from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.defects.example import COLUMNS, DEFECTS, HEADERS, row
from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT
from validation.defects import batch
from validation.defects.batch import fill, in_short, prove_all
from validation.defects.catalogue import Defect, Load, catalogue
from validation.defects.matrix.row import NONE, columns, not_green, reached, whole, why_not
from validation.defects.matrix.row import row as row_of
from validation.defects.planted_images import Images
from validation.defects.proving import HERE, Bench, Catch, Result
from validation.defects.results import Proof, Row, digest_of, keep, read
from validation.record.events import Observed, RunStarted
from validation.record.verdicts import CheckpointResult, Run, RunVerdict, Scenario, Verdict

D3, D13, D4, D80 = DEFECTS.values()
CLUSTER = Bench(("--context", "x"))
UNCHANGED = Row("D0", "", [], dict.fromkeys(COLUMNS, "PASSED"), [], [HEADERS], 180.0, "", "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "defects/results.jsonl"


@pytest.fixture(autouse=True)
def proven(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is proven; every defect is caught, and everything is of one source."""
    asked: list[str] = []

    def prove(defect: Defect, bench: Bench) -> Result:
        asked.append(defect.id)
        return Result(defect, Catch.CAUGHT, f"seen, {bench.at_once}")

    def run(defect: Defect, digest: str) -> Row:
        asked.append(defect.id)
        return replace_digest(row(defect.id, c2_3="FAILED"), digest)

    def run_unchanged(digest: str) -> Row:
        asked.append(NONE.id)
        return replace_digest(UNCHANGED, digest)

    monkeypatch.setattr(batch, "prove", prove)
    monkeypatch.setattr(batch, "whole", run)
    monkeypatch.setattr(batch, "unchanged", run_unchanged)
    monkeypatch.setattr(batch, "baselines", lambda _defects, _bench: [])
    monkeypatch.setattr(batch, "columns", lambda: COLUMNS)
    monkeypatch.setattr(batch, "not_green", lambda unchanged: [unchanged.trouble] if unchanged.trouble else [])
    monkeypatch.setattr(batch, "digest_of_sources", lambda: "s")
    return asked


def replace_digest(of: Row, digest: str) -> Row:
    return Row(of.defect, digest, of.named, of.verdicts, of.wrong, of.seen, of.seconds, of.trouble, of.at)


def all_of(
    chosen: Sequence[Defect], file: Path, bench: Bench = HERE, *, resume: bool = False, said: list[str] | None = None
) -> list[Proof]:
    return list(prove_all(chosen, bench, file, [].append if said is None else said.append, resume=resume))


def test_each_proof_is_kept_as_it_comes(file: Path, proven: list[str]) -> None:
    coming = prove_all([D3, D13], Bench(()), file, [].append, resume=False)
    first = next(coming)
    assert read(file) == [first]
    assert (first.defect, first.red, first.digest, first.bench) == ("D3", ["7.1"], digest_of(D3, "s"), "cluster")
    assert [one.defect for one in coming] == ["D13"]
    assert proven == ["D3", "D13"]


def test_resume_takes_what_is_known_of_the_same_source_and_says_so(file: Path, proven: list[str]) -> None:
    all_of([D3], file)
    said: list[str] = []
    found = all_of([D3, D13], file, resume=True, said=said)
    assert sorted(one.defect for one in found) == ["D13", "D3"]
    assert proven == ["D3", "D13"]
    assert said[0] == f"1 of 2 taken from {file}, where the defect and the source were the same; the others are looked at again."
    said.clear()
    assert len(all_of([D3, D13], file, resume=True, said=said)) == 2
    assert len(said) == 1, "and not a word of an unchanged system"


def test_without_resume_everything_is_proven_again(file: Path, proven: list[str]) -> None:
    all_of([D3], file)
    all_of([D3], file)
    assert proven == ["D3", "D3"]


def test_another_entry_another_place_or_no_result_is_proven_again(file: Path, proven: list[str]) -> None:
    all_of([D3], file)
    all_of([replace(D3, story="Another.")], file, resume=True)
    all_of([D3], file, CLUSTER, resume=True)
    keep(file, Proof("D13", "here", digest_of(D13, "s"), Catch.INCONCLUSIVE, "", [], ""))
    all_of([D13], file, resume=True)
    assert proven == ["D3", "D3", "D3", "D13"]


def test_a_survivor_is_a_result_and_has_turned_nothing_red(file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "prove", lambda defect, _bench: Result(defect, Catch.SURVIVED, "passed"))
    assert all_of([D3], file)[0].red == []
    assert all_of([D3], file, resume=True)[0].catch == "survived"
    assert proven == []


def test_without_an_engine_what_images_show_is_open_and_the_others_are_proven(
    file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    contained = replace(D13, images=Images.BUILT)
    found = {one.defect: one for one in all_of([contained, D3], file)}
    assert (found["D13"].catch, found["D3"].catch) == ("inconclusive", "caught")
    assert "No container engine answers (podman: not installed; docker: not installed)" in found["D13"].said
    assert proven == ["D3"]


def test_a_load_turns_no_checkpoint_red(file: Path) -> None:
    loaded = replace(D3, load=Load("baseline", 1, 1, ("vote, p99",)))
    assert all_of([loaded], file)[0].red == []


def test_what_was_proven_while_the_source_was_changed_is_never_taken_again(
    file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = iter(["s"])
    monkeypatch.setattr(batch, "digest_of_sources", lambda: next(states, "t"))
    said: list[str] = []
    assert all_of([D3], file, said=said)[0].digest == ""
    assert said[-1].startswith("The source was changed meanwhile")
    monkeypatch.setattr(batch, "digest_of_sources", lambda: "s")
    all_of([D3], file, resume=True)
    assert proven == ["D3", "D3"]


def test_an_unchanged_system_that_is_red_ends_it(file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "baselines", lambda _defects, _bench: [list, lambda: ["5.1: FAILED"]])
    with pytest.raises(HarnessError, match="The unchanged system is not green"):
        all_of([D3], file)
    assert proven == []


def test_the_matrix_begins_with_the_unchanged_system_and_keeps_each_row(file: Path, proven: list[str]) -> None:
    said: list[str] = []
    found = fill([D3, D13, D80], file, said.append, resume=False)
    assert proven[0] == "D0"
    assert set(proven[1:]) == {"D3", "D13"}
    assert [one.defect for one in found.rows] == ["D3", "D13"]
    assert found.absent == (("D80", "needs a cluster"),)
    assert found.observed == (HEADERS,)
    assert {line.defect for line in read(file)} == {"D0", "D3", "D13"}
    assert any("caught by 2.3" in line for line in said)


def test_a_matrix_of_nothing_is_wrong_usage(file: Path, proven: list[str]) -> None:
    with pytest.raises(UsageError, match="D80 needs a cluster"):
        fill([D80], file, [].append, resume=False)
    assert proven == []


def test_the_matrix_is_resumed_too(file: Path, proven: list[str]) -> None:
    fill([D13], file, [].append, resume=False)
    fill([D13, D3], file, [].append, resume=True)
    assert proven == ["D0", "D13", "D3"]


def test_a_run_without_results_is_run_again(file: Path, proven: list[str]) -> None:
    keep(file, replace_digest(row("D13", trouble="It did not end."), digest_of(D13, "s")))
    fill([D13], file, [].append, resume=True)
    assert proven == ["D0", "D13"]


def test_a_red_unchanged_system_is_kept_not_used_and_looked_at_again(
    file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    green = batch.unchanged
    red: Callable[[str], Row] = lambda digest: Row(NONE.id, digest, [], {"5.1": "FAILED"}, [], [], 1.0, "5.1 is red", "")  # noqa: E731
    monkeypatch.setattr(batch, "unchanged", red)
    with pytest.raises(HarnessError, match="The unchanged system is not green"):
        fill([D13], file, [].append, resume=False)
    monkeypatch.setattr(batch, "unchanged", green)
    fill([D13], file, [].append, resume=True)
    assert proven == ["D0", "D13"]


def test_a_row_is_told_in_a_line() -> None:
    assert in_short(row("D3", c6_2="FAILED", c7_1="FAILED", c5_1="FAILED")) == "D3    caught by 6.2, 7.1; fell besides: 5.1"
    assert in_short(row("D13")) == "D13   missed by 2.3; fell besides: nothing"
    assert in_short(row("D13", trouble="It did not end.")) == "D13   not run: It did not end."
    assert in_short(row("D4", c6_1="FAILED", B1="NOT PROVEN")) == "D4    not proven by B1; fell besides: nothing"


def test_who_is_not_in_the_matrix_is_told_why() -> None:
    assert [why_not(one) for one in (D3, D80)] == ["", "needs a cluster"]
    assert why_not(replace(D3, images=Images.BUILT)) == "needs container images"
    assert why_not(replace(D3, checkpoints=(), tests=("tests/x.py",))) == "is of the judge, whose tests see it"
    assert why_not(replace(D3, checkpoints=(), load=Load("baseline", 1, 1, ()))) == "needs a load"


def a_run(verdict: Verdict = Verdict.FAILED) -> Run:
    from validation.registry.checkpoints import registry  # noqa: PLC0415

    wrong = Observed("id", "Then it is so", "status", "201", "500", ok=False)
    right = replace_ok(wrong)
    scenario = Scenario("id", "A vote", "5_votes.feature", ("5.1",), "failed", "", 1.0, "local", (wrong, wrong, right))
    results = tuple(CheckpointResult(registry()[i], verdict, "", "local", (), (scenario,)) for i in ("5.1", "1.1"))
    return Run(RunStarted("r", "local", "", [], [], {}, {}, []), RunVerdict.NO_GO, results, ("some trouble",), (), 5.0)


def replace_ok(of: Observed) -> Observed:
    return Observed(of.scenario, of.step, "another", of.expected, of.expected, ok=True)


def test_a_row_holds_the_verdicts_and_each_wrong_observation_once() -> None:
    found = row_of(D3, [a_run()], "d", ["5.1"])
    assert found.verdicts == {"5.1": "FAILED"}, "1.1 was not to look"
    assert [(one.checkpoint, one.subject) for one in found.wrong] == [("5.1", "status")]
    assert (found.seen, found.trouble, found.named) == ([], "some trouble", ["6.2", "7.1"])
    assert "7.1" in found.apart
    assert "5.1" not in found.apart


def test_the_row_of_the_unchanged_system_holds_all_observations_and_must_be_green() -> None:
    found = row_of(NONE, [a_run()], "d", columns())
    assert {one.subject for one in found.seen} == {"status", "another"}
    assert "5.1: FAILED, status" in not_green(found)
    assert "some trouble" in not_green(found)
    assert "7.1: not judged" in not_green(found)


def test_a_defect_that_cannot_be_planted_is_trouble_and_no_red() -> None:
    assert not (PROJECT / "system/gone.py").exists()
    text = (PROJECT / "system/logs.py").read_text(encoding="utf-8")
    broken = replace(D3, changes=(replace(D3.changes[0], file="system/logs.py", find=text[:200], replace="def ("),))
    for unplantable, words in (
        (replace(D3, changes=(replace(D3.changes[0], file="system/logs.py"),)), "occurs"),
        (broken, "Python does not"),
    ):
        found = whole(unplantable, "d")
        assert words in found.trouble
        assert (found.verdicts, found.red) == ({}, ())


@pytest.mark.parametrize("defect", [one for one in catalogue().values() if not why_not(one)], ids=lambda one: one.id)
def test_a_defect_reaches_every_checkpoint_that_it_names(defect: Defect) -> None:
    assert set(defect.checkpoints) <= set(reached(defect))


def test_a_checkpoint_that_rests_on_nothing_that_a_defect_changes_is_not_reached() -> None:
    of_the_system = catalogue()["D3"]
    of_the_chart = replace(D3, changes=(replace(D3.changes[0], file="chart/values.yaml"),))
    of_the_documents = replace(D3, changes=(replace(D3.changes[0], file="docs/explanation/guarantees.md"),))
    of_the_server = replace(D3, changes=(), redis=("appendfsync=everysec",))
    looking = [set(reached(one)) for one in (of_the_system, of_the_chart, of_the_documents, of_the_server)]
    assert [("B8" in some, "4.1" in some, "4.5" in some, "1.3" in some) for some in looking] == [
        (True, False, False, True),
        (False, True, True, True),
        (False, False, True, True),
        (True, False, False, True),
    ]


def test_a_load_that_is_timed_is_proven_alone() -> None:
    timed, counted = (replace(D3, checkpoints=(), load=Load("baseline", 1, 1, broken)) for broken in (("vote, p99",), ("votes lost",)))
    assert HERE.turns([timed, D13, counted]) == (([D13, counted], HERE.at_once), ([timed], 1))
    assert CLUSTER.turns([D13])[0] == ([D13], 1)
