"""Every planted defect is caught by each checkpoint that it names, and a planting that proves nothing is never called a catch."""

from collections.abc import Iterator
from concurrent.futures import Future
from functools import cache, partial
from pathlib import Path

import pytest

from tests.defects.chosen import CHOSEN
from validation.core.errors import HarnessError, TargetUnavailable
from validation.core.settings import PROJECT, TARGETS
from validation.defects import catalogue, proving, proving_by_tests
from validation.defects.catalogue import Change, Defect
from validation.defects.parallel import jobs
from validation.defects.proving import HERE, Catch, Result
from validation.images import build, engines
from validation.images.source import PARTS
from validation.record.verdicts import EXIT_CODES, HARNESS_EXIT, INTERRUPTED_EXIT, USAGE_EXIT
from validation.registry.checkpoints import BEYOND, registry

CHART = "chart/templates/consumer.yaml"
(TOGETHER, _), (ALONE, _) = HERE.turns(CHOSEN.defects)
PROVEN_HERE = [*TOGETHER, *ALONE]
OF_TESTS = [defect for defect in catalogue.catalogue().values() if defect.tests]
OF_EXIT_CODES = "tests/unit/cli/test_exit_codes.py"
BY_ITS_TESTS = {"B14": "tests/unit/probes/images/test_scanners.py::TestKnownVulnerabilities::test_a_vulnerability_with_a_fix_is_a_finding"}
"""Which flaws of dependencies are known is told by a database that nobody ships: its tests bring one of their own."""


def a_defect(change: Change, checkpoint: str = "4.2") -> Defect:
    return Defect("X1", "A defect", "A story.", "test", (checkpoint,), (change,))


def named_here() -> set[str]:
    return {checkpoint for defect in catalogue.catalogue().values() for checkpoint in defect.checkpoints}


def skip_without_images(defect: Defect) -> None:
    if defect.images and (why := why_no_image_can_be_built()):
        pytest.skip(f"not looked at: {why}")


@cache
def why_no_image_can_be_built() -> str:
    try:
        engine = engines.answering()
    except TargetUnavailable as none:
        return str(none)
    for base in sorted({base for part in PARTS for base in build._bases(PROJECT, part)}):
        if engine.ask("image", "inspect", base).returncode and engine.ask("pull", base, within=300).returncode:
            return f"{base} cannot be had"
    return ""


@pytest.mark.parametrize("defect", catalogue.catalogue().values(), ids=lambda d: d.id)
def test_every_change_is_found_exactly_once(defect: Defect) -> None:
    for change in defect.changes:
        assert (PROJECT / change.file).read_text(encoding="utf-8").count(change.find) == 1
    assert len(defect.story.split(". ")) >= 2


@pytest.mark.parametrize("defect", OF_TESTS, ids=lambda d: d.id)
def test_every_test_that_must_see_a_defect_is_there(defect: Defect) -> None:
    for file, *names in (node.split("::") for node in defect.tests):
        assert f"def {names[-1]}(" in (PROJECT / file).read_text(encoding="utf-8")


def test_every_checkpoint_of_the_protocol_has_a_defect() -> None:
    protocol = [c.id for c in registry().values() if c.phase != BEYOND]
    assert len(protocol) == 32
    assert [identifier for identifier in protocol if identifier not in named_here()] == []


def test_every_check_beyond_the_protocol_that_no_cluster_is_needed_for_has_a_defect() -> None:
    beyond = [c.id for c in registry().values() if c.phase == BEYOND and TARGETS["containers"].intersection(c.needs)]
    assert [identifier for identifier in beyond if identifier not in named_here() | set(BY_ITS_TESTS)] == []


def test_every_check_that_only_its_tests_can_prove_has_a_defect_that_they_must_see() -> None:
    seen = {node for defect in OF_TESTS for node in defect.tests}
    assert [identifier for identifier, node in BY_ITS_TESTS.items() if node not in seen or identifier in named_here()] == []


@pytest.mark.parametrize("code", sorted({*EXIT_CODES.values(), USAGE_EXIT, HARNESS_EXIT, INTERRUPTED_EXIT}))
def test_every_exit_code_has_a_defect_that_the_tests_of_exit_codes_must_see(code: int) -> None:
    seen = [node for defect in OF_TESTS for node in defect.tests if f"_is_{code}" in node.removeprefix(f"{OF_EXIT_CODES}::")]
    assert [node for node in seen if node.startswith(OF_EXIT_CODES)]


def test_there_are_defects_of_every_layer_and_at_least_eighty_in_all() -> None:
    layers = {defect.layer for defect in catalogue.catalogue().values()}
    assert layers == {"contract", "source", "server", "migration", "image", "chart", "documents", "harness"}
    assert len(catalogue.catalogue()) >= 80


def test_every_checkpoint_that_looks_at_a_cluster_has_a_defect_that_is_seen_there() -> None:
    named = {checkpoint for defect in catalogue.catalogue().values() for checkpoint in defect.cluster_checkpoints}
    assert [c.id for c in registry().values() if "cluster" in c.needs and c.id not in named] == []


@pytest.mark.parametrize("contained", [False, True], ids=["on this machine", "in containers"])
def test_the_unchanged_system_is_green_at_every_checkpoint_that_a_defect_names(contained: bool) -> None:
    of_the_kind = [defect for defect in catalogue.choose(()) if bool(defect.images) == contained]
    assert of_the_kind
    proven = [defect for defect in PROVEN_HERE if defect in of_the_kind]
    if not proven:
        pytest.skip("not looked at: nothing that such a defect rests on has changed")
    skip_without_images(proven[0])
    for some, at_once in HERE.turns(proven):
        with jobs(proving.baselines(some), at_once) as coming:
            assert [wrong for part in coming for wrong in part.result()] == []


@pytest.fixture(scope="module")
def proofs() -> Iterator[dict[str, Future[Result]]]:
    """What becomes of each defect that can be proven here beside others."""
    beside_others = [d for d in TOGETHER if not (d.images and why_no_image_can_be_built())]
    with jobs([partial(proving.prove, d) for d in beside_others], HERE.at_once) as coming:
        yield {d.id: future for d, future in zip(beside_others, coming, strict=True)}


@pytest.mark.parametrize("defect", PROVEN_HERE, ids=lambda d: d.id)
def test_the_defect_is_caught(defect: Defect, proofs: dict[str, Future[Result]]) -> None:
    skip_without_images(defect)
    result = proving.prove(defect) if defect in ALONE else proofs[defect.id].result()
    assert result.catch is Catch.CAUGHT, result.said
    assert "expected" in result.said


def test_a_change_that_changes_nothing_survives() -> None:
    first = (PROJECT / CHART).read_text(encoding="utf-8").splitlines()[0]
    assert proving.prove(a_defect(Change(CHART, first + "\n", first + "\n{{- /* nothing */}}\n"))).catch is Catch.SURVIVED


def test_a_change_that_breaks_the_code_did_not_land() -> None:
    change = Change("system/contract.py", 'GROUP_START = "0"', "GROUP_START = (")
    assert proving.prove(a_defect(change, "6.1")).catch is Catch.NOT_LANDED


def test_a_checkpoint_that_can_not_be_proven_here_is_no_catch() -> None:
    change = Change("system/contract.py", 'GROUP_START = "0"', 'GROUP_START = "$"')
    assert proving.prove(a_defect(change, "2.4")).catch is Catch.INCONCLUSIVE


def test_a_run_that_does_not_end_is_no_catch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "RUN_SECONDS", 0.01)
    change = Change("system/contract.py", 'GROUP_START = "0"', 'GROUP_START = "$"')
    result = proving.prove(a_defect(change, "6.1"))
    assert result.catch is Catch.INCONCLUSIVE
    assert "--checkpoint 6.1 --quick --fail-fast` did not end within 0.01 s" in result.said


@pytest.mark.parametrize(("find", "times"), [("no such text anywhere", 0), ("import", 2)])
def test_a_find_that_does_not_occur_exactly_once_is_refused(find: str, times: int) -> None:
    with pytest.raises(HarnessError, match="occurs"), catalogue.planted(a_defect(Change("system/logs.py", find, "x"))):
        pytest.fail(f"{times} occurrences were planted")


BALLOTS = "tests/unit/faults/test_reconciliation.py::test_a_vote_that_is_not_in_the_ledger_is_lost"
CRASH = Change("validation/faults/reconciliation.py", "        rejected = {b.vote_id", "        1 / 0\n        rejected = {b.vote_id")


def of_the_judge(change: Change, *tests: str) -> Defect:
    return Defect("X2", "A defect", "A story.", "harness", tests=tests, changes=(change,))


@pytest.mark.parametrize(
    ("change", "catch", "said"),
    [
        (
            Change("validation/faults/reconciliation.py", "lost=tuple(sorted(set(accepted) - set(ledger)))", "lost=()"),
            Catch.CAUGHT,
            "observed ",
        ),
        (Change("validation/faults/reconciliation.py", '"""The votes of one run."""', '"""Votes."""'), Catch.SURVIVED, f"{BALLOTS} passed"),
        (CRASH, Catch.INCONCLUSIVE, "and not by an assertion: ZeroDivisionError"),
        (Change("validation/faults/reconciliation.py", "CREATED = 201", "CREATED = 201 / 0"), Catch.INCONCLUSIVE, "ZeroDivisionError"),
        (Change("validation/faults/reconciliation.py", "CREATED = 201", "CREATED = ("), Catch.NOT_LANDED, "was never closed"),
    ],
    ids=["seen", "not seen", "a crash", "nothing to import", "no Python"],
)
def test_a_defect_of_the_judge_is_caught_by_an_assertion_alone(change: Change, catch: Catch, said: str) -> None:
    result = proving.prove(of_the_judge(change, BALLOTS))
    assert result.catch is catch, result.said
    assert said in result.said


def test_each_of_the_tests_must_see_it() -> None:
    other = "tests/unit/faults/test_reconciliation.py::test_no_key_is_used_twice"
    change = Change("validation/faults/reconciliation.py", "lost=tuple(sorted(set(accepted) - set(ledger)))", "lost=()")
    result = proving.prove(of_the_judge(change, BALLOTS, other))
    assert (result.catch, result.said) == (Catch.SURVIVED, f"{other} passed")


def test_tests_that_do_not_end_are_no_catch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving_by_tests, "RUN_SECONDS", 0.01)
    assert proving.prove(of_the_judge(CRASH, BALLOTS)).catch is Catch.INCONCLUSIVE


def test_tests_that_are_not_there_are_not_green() -> None:
    (look,) = proving.baselines([of_the_judge(CRASH, BALLOTS.replace("lost", "found"))])
    (problem,) = look()
    assert "test_a_vote_that_is_not_in_the_ledger_is_found" in problem


@pytest.mark.parametrize(("layer", "seen_by"), [("harness", 'checkpoints = ["5.1"]'), ("source", f'tests = ["{BALLOTS}"]')])
def test_a_judge_with_a_defect_is_not_asked_about_it(layer: str, seen_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = f'[[defect]]\nid = "D1"\ntitle = "A"\nstory = "B."\nlayer = "{layer}"\n{seen_by}\n'
    file = tmp_path / "defects.toml"
    file.write_text(told + 'change = [{ file = "validation/faults/reconciliation.py", find = "a", replace = "b" }]\n', encoding="utf-8")
    monkeypatch.setattr(catalogue, "CATALOGUE", file)
    with pytest.raises(HarnessError, match="is of the judge if its tests must see it"):
        catalogue.catalogue.__wrapped__()
