from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from tests.unit.defects.example import COLUMNS, DEFECTS, HEADERS, row
from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT
from validation.defects import batch
from validation.defects.batch import fill, in_short, prove_all
from validation.defects.catalogue import Defect, Images, Load, catalogue
from validation.defects.matrix.row import NONE, affected, columns, not_green_in, run_defect, why_excluded
from validation.defects.matrix.row import row as row_of
from validation.defects.proving import together
from validation.defects.proving.bench import HERE, Bench
from validation.defects.proving.proof import Outcome, Result
from validation.defects.results import Proof, Row, digest_of, keep, read
from validation.record.events import Observed, RunStarted
from validation.record.results import CheckpointResult, Verdict
from validation.record.scenario import Scenario
from validation.record.verdicts import Run, RunVerdict

D3, D13, D4, D80 = DEFECTS.values()
CLUSTER = Bench(("--context", "x"))
UNCHANGED = Row("D0", "", [], dict.fromkeys(COLUMNS, "PASSED"), [], [HEADERS], 180.0, "", "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "defects/results.jsonl"


@pytest.fixture(autouse=True)
def proven(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The defects that are run. Every one is caught, and the source never changes."""
    asked: list[str] = []

    def prove(defect: Defect, bench: Bench) -> Result:
        asked.append(defect.id)
        return Result(defect, Outcome.CAUGHT, f"a finding, {bench.at_once}")

    def run(defect: Defect, digest: str) -> Row:
        asked.append(defect.id)
        return replace_digest(row(defect.id, c2_3="FAILED"), digest)

    def run_unchanged(digest: str) -> Row:
        asked.append(NONE.id)
        return replace_digest(UNCHANGED, digest)

    monkeypatch.setattr(together, "prove", prove)
    monkeypatch.setattr(batch, "run_defect", run)
    monkeypatch.setattr(batch, "run_unchanged", run_unchanged)
    monkeypatch.setattr(together, "baselines", lambda _defects, _bench: [])
    monkeypatch.setattr(batch, "columns", lambda: COLUMNS)
    monkeypatch.setattr(batch, "not_green_in", lambda unchanged: [unchanged.harness_error] if unchanged.harness_error else [])
    monkeypatch.setattr(batch, "digest_of_sources", lambda: "s")
    return asked


def replace_digest(of: Row, digest: str) -> Row:
    return structs.replace(of, digest=digest)


def all_of(
    chosen: Sequence[Defect], file: Path, bench: Bench = HERE, *, resume: bool = False, messages: list[str] | None = None
) -> list[Proof]:
    return list(prove_all(chosen, bench, file, [].append if messages is None else messages.append, resume=resume))


def test_each_proof_is_kept_at_once(file: Path, proven: list[str]) -> None:
    proofs = prove_all([D3, D13], Bench(()), file, [].append, resume=False)
    first = next(proofs)
    assert read(file) == [first]
    assert (first.defect, first.failed, first.digest, first.bench) == ("D3", ["7.1"], digest_of(D3, "s"), "cluster")
    assert [one.defect for one in proofs] == ["D13"]
    assert proven == ["D3", "D13"]


def test_resume_reuses_results_of_the_same_source(file: Path, proven: list[str]) -> None:
    all_of([D3], file)
    messages: list[str] = []
    found = all_of([D3, D13], file, resume=True, messages=messages)
    assert sorted(one.defect for one in found) == ["D13", "D3"]
    assert proven == ["D3", "D13"]
    assert messages[0] == f"1 of 2 results reused from {file}: same defect, same source. The others run again."
    messages.clear()
    assert len(all_of([D3, D13], file, resume=True, messages=messages)) == 2
    assert len(messages) == 1, "the unchanged system does not run"


def test_without_resume_everything_runs_again(file: Path, proven: list[str]) -> None:
    all_of([D3], file)
    all_of([D3], file)
    assert proven == ["D3", "D3"]


def test_resume_repeats_a_changed_entry_another_bench_and_an_inconclusive_result(file: Path, proven: list[str]) -> None:
    all_of([D3], file)
    all_of([replace(D3, story="Another.")], file, resume=True)
    all_of([D3], file, CLUSTER, resume=True)
    keep(file, Proof("D13", "here", digest_of(D13, "s"), Outcome.INCONCLUSIVE, "", [], ""))
    all_of([D13], file, resume=True)
    assert proven == ["D3", "D3", "D3", "D13"]


def test_a_survivor_is_a_result_without_failed_checkpoints(file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "prove", lambda defect, _bench: Result(defect, Outcome.SURVIVED, "passed"))
    assert all_of([D3], file)[0].failed == []
    assert all_of([D3], file, resume=True)[0].outcome == "survived"
    assert proven == []


def test_without_a_container_engine_only_defects_that_need_images_are_inconclusive(
    file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    contained = replace(D13, images=Images.BUILT)
    found = {one.defect: one for one in all_of([contained, D3], file)}
    assert (found["D13"].outcome, found["D3"].outcome) == ("inconclusive", "caught")
    assert "No container engine answers (podman: not installed; docker: not installed)" in found["D13"].detail
    assert proven == ["D3"]


def test_a_load_run_fails_no_checkpoint(file: Path) -> None:
    loaded = replace(D3, load=Load("baseline", 1, 1, ("vote, p99",)))
    assert all_of([loaded], file)[0].failed == []


def test_a_result_from_a_source_that_changed_meanwhile_is_never_reused(
    file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = iter(["s"])
    monkeypatch.setattr(batch, "digest_of_sources", lambda: next(states, "t"))
    messages: list[str] = []
    assert all_of([D3], file, messages=messages)[0].digest == ""
    assert messages[-1].startswith("The source changed during the run")
    monkeypatch.setattr(batch, "digest_of_sources", lambda: "s")
    all_of([D3], file, resume=True)
    assert proven == ["D3", "D3"]


def test_nothing_is_proven_if_the_unchanged_system_is_not_green(file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "baselines", lambda _defects, _bench: [list, lambda: ["5.1: FAILED"]])
    with pytest.raises(HarnessError, match="The unchanged system is not green"):
        all_of([D3], file)
    assert proven == []


def test_the_matrix_starts_with_the_unchanged_system_and_keeps_each_row(file: Path, proven: list[str]) -> None:
    messages: list[str] = []
    found = fill([D3, D13, D80], file, messages.append, resume=False)
    assert proven[0] == "D0"
    assert set(proven[1:]) == {"D3", "D13"}
    assert [one.defect for one in found.rows] == ["D3", "D13"]
    assert found.excluded == (("D80", "needs a cluster"),)
    assert found.observed == (HEADERS,)
    assert {line.defect for line in read(file)} == {"D0", "D3", "D13"}
    assert any("caught by 2.3" in line for line in messages)


def test_a_matrix_that_would_be_empty_is_a_usage_error(file: Path, proven: list[str]) -> None:
    with pytest.raises(UsageError, match="D80 needs a cluster"):
        fill([D80], file, [].append, resume=False)
    assert proven == []


def test_the_matrix_resumes(file: Path, proven: list[str]) -> None:
    fill([D13], file, [].append, resume=False)
    fill([D13, D3], file, [].append, resume=True)
    assert proven == ["D0", "D13", "D3"]


def test_a_run_without_results_is_run_again(file: Path, proven: list[str]) -> None:
    keep(file, replace_digest(row("D13", error="It did not end."), digest_of(D13, "s")))
    fill([D13], file, [].append, resume=True)
    assert proven == ["D0", "D13"]


def test_an_unchanged_system_that_failed_runs_again(file: Path, proven: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    green = batch.run_unchanged
    red: Callable[[str], Row] = lambda digest: Row(NONE.id, digest, [], {"5.1": "FAILED"}, [], [], 1.0, "5.1 is red", "")  # noqa: E731
    monkeypatch.setattr(batch, "run_unchanged", red)
    with pytest.raises(HarnessError, match="The unchanged system is not green"):
        fill([D13], file, [].append, resume=False)
    monkeypatch.setattr(batch, "run_unchanged", green)
    fill([D13], file, [].append, resume=True)
    assert proven == ["D0", "D13"]


def test_a_row_fits_in_a_line() -> None:
    assert in_short(row("D3", c6_2="FAILED", c7_1="FAILED", c5_1="FAILED")) == "D3    caught by 6.2, 7.1; also failed: 5.1"
    assert in_short(row("D13")) == "D13   survived 2.3; also failed: none"
    assert in_short(row("D13", error="It did not end.")) == "D13   not run: It did not end."
    assert in_short(row("D4", c6_1="FAILED", B1="NOT PROVEN")) == "D4    not proven by B1; also failed: none"


def test_an_excluded_defect_has_a_reason() -> None:
    assert [why_excluded(one) for one in (D3, D80)] == ["", "needs a cluster"]
    assert why_excluded(replace(D3, images=Images.BUILT)) == "needs container images"
    assert why_excluded(replace(D3, checkpoints=(), tests=("tests/x.py",))) == "is a defect of the harness, caught by its tests"
    assert why_excluded(replace(D3, checkpoints=(), load=Load("baseline", 1, 1, ()))) == "needs a load run"


def a_run(verdict: Verdict = Verdict.FAILED) -> Run:
    from validation.registry.checkpoints import registry  # noqa: PLC0415

    wrong = Observed("id", "Then it is so", "status", "201", "500", ok=False)
    right = replace_ok(wrong)
    scenario = Scenario("id", "A vote", "5_votes.feature", ("5.1",), "failed", "", 1.0, "local", (wrong, wrong, right))
    results = tuple(CheckpointResult(registry()[i], verdict, "", "local", (), (scenario,)) for i in ("5.1", "1.1"))
    return Run(RunStarted("r", "local", "", [], [], {}, {}, []), RunVerdict.NO_GO, results, ("a harness error",), (), 5.0)


def replace_ok(of: Observed) -> Observed:
    return Observed(of.scenario, of.step, "another", of.expected, of.expected, ok=True)


def test_a_row_has_the_verdicts_and_each_wrong_observation_once() -> None:
    found = row_of(D3, [a_run()], "d", ["5.1"])
    assert found.verdicts == {"5.1": "FAILED"}, "1.1 did not have to run"
    assert [(one.checkpoint, one.subject) for one in found.wrong] == [("5.1", "status")]
    assert (found.observations, found.harness_error, found.expected) == ([], "a harness error", ["6.2", "7.1"])
    assert "7.1" in found.unaffected
    assert "5.1" not in found.unaffected


def test_the_row_of_the_unchanged_system_has_all_observations_and_must_be_green() -> None:
    found = row_of(NONE, [a_run()], "d", columns())
    assert {one.subject for one in found.observations} == {"status", "another"}
    assert "5.1: FAILED, status" in not_green_in(found)
    assert "a harness error" in not_green_in(found)
    assert "7.1: not run" in not_green_in(found)


def test_a_defect_that_cannot_be_applied_is_a_harness_error() -> None:
    assert not (PROJECT / "system/gone.py").exists()
    text = (PROJECT / "system/logs.py").read_text(encoding="utf-8")
    broken = replace(D3, changes=(replace(D3.changes[0], file="system/logs.py", find=text[:200], replace="def ("),))
    for inapplicable, words in (
        (replace(D3, changes=(replace(D3.changes[0], file="system/logs.py"),)), "occurs"),
        (broken, "Python does not import"),
    ):
        found = run_defect(inapplicable, "d")
        assert words in found.harness_error
        assert (found.verdicts, found.failed) == ({}, ())


@pytest.mark.parametrize("defect", [one for one in catalogue().values() if not why_excluded(one)], ids=lambda one: one.id)
def test_a_defect_affects_every_checkpoint_that_must_catch_it(defect: Defect) -> None:
    assert set(defect.checkpoints) <= set(affected(defect))


def test_a_defect_affects_only_checkpoints_with_a_changed_input() -> None:
    of_the_system = catalogue()["D3"]
    of_the_chart = replace(D3, changes=(replace(D3.changes[0], file="chart/values.yaml"),))
    of_the_documents = replace(D3, changes=(replace(D3.changes[0], file="docs/explanation/guarantees.md"),))
    of_the_server = replace(D3, changes=(), redis=("appendfsync=everysec",))
    ids = [set(affected(one)) for one in (of_the_system, of_the_chart, of_the_documents, of_the_server)]
    assert [("B8" in some, "4.1" in some, "4.5" in some, "1.3" in some) for some in ids] == [
        (True, False, False, True),
        (False, True, True, True),
        (False, False, True, True),
        (True, False, False, True),
    ]


def test_a_load_run_with_a_latency_limit_is_proven_alone() -> None:
    timed, counted = (replace(D3, checkpoints=(), load=Load("baseline", 1, 1, broken)) for broken in (("vote, p99",), ("votes lost",)))
    assert HERE.turns([timed, D13, counted]) == (([D13, counted], HERE.at_once), ([timed], 1))
    assert CLUSTER.turns([D13])[0] == ([D13], 1)
