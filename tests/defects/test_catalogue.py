"""Every seeded defect is caught by each checkpoint that must catch it, and what proves nothing is never called caught."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from tests.defects.chosen import CHOSEN
from validation.core.errors import HARNESS_EXIT, INTERRUPTED_EXIT, USAGE_EXIT, HarnessError, TargetUnavailable
from validation.core.settings import PROJECT, TARGETS
from validation.defects import catalogue
from validation.defects.catalogue import Change, Defect
from validation.defects.proving import commands, pytest_runs
from validation.defects.proving.baseline import baselines
from validation.defects.proving.bench import HERE
from validation.defects.proving.proof import Outcome, Result, prove
from validation.defects.proving.together import not_green, prove_together
from validation.defects.seeding import seeded_copy
from validation.images import build, engines
from validation.images.source import PARTS
from validation.record.verdicts import EXIT_CODES
from validation.registry.checkpoints import BEYOND, registry

CHART = "chart/templates/consumer.yaml"
(TOGETHER, _), (ALONE, _) = HERE.turns(CHOSEN.defects)
PROVEN_HERE = [*TOGETHER, *ALONE]
OF_TESTS = [defect for defect in catalogue.catalogue().values() if defect.tests]
OF_EXIT_CODES = "tests/unit/cli/test_exit_codes.py"
BY_ITS_TESTS = {"B14": "tests/unit/probes/images/test_scanners.py::TestKnownVulnerabilities::test_a_vulnerability_with_a_fix_is_a_finding"}
"""Known vulnerabilities come from a database that nobody ships. The tests of this checkpoint bring their own."""


def a_defect(change: Change, checkpoint: str = "4.2") -> Defect:
    return Defect("X1", "A defect", "A story.", "test", (checkpoint,), (change,))


def named_here() -> set[str]:
    return {checkpoint for defect in catalogue.catalogue().values() for checkpoint in defect.checkpoints}


def skip_without_images(defect: Defect) -> None:
    if defect.images and (why := why_no_image_can_be_built()):
        pytest.skip(f"not run: {why}")


@cache
def why_no_image_can_be_built() -> str:
    try:
        engine = engines.answering()
    except TargetUnavailable as unavailable:
        return str(unavailable)
    for base in sorted({base for part in PARTS for base in build._bases(PROJECT, part)}):
        if engine.ask("image", "inspect", base).returncode and engine.ask("pull", base, within=300).returncode:
            return f"{base} cannot be pulled"
    return ""


@pytest.mark.parametrize("defect", catalogue.catalogue().values(), ids=lambda d: d.id)
def test_every_change_is_found_exactly_once(defect: Defect) -> None:
    for change in defect.changes:
        assert (PROJECT / change.file).read_text(encoding="utf-8").count(change.find) == 1
    assert len(defect.story.split(". ")) >= 2


@pytest.mark.parametrize("defect", OF_TESTS, ids=lambda d: d.id)
def test_every_test_that_must_catch_a_defect_exists(defect: Defect) -> None:
    for file, *names in (node.split("::") for node in defect.tests):
        assert f"def {names[-1].partition('[')[0]}(" in (PROJECT / file).read_text(encoding="utf-8")


def test_every_checkpoint_of_the_protocol_has_a_defect() -> None:
    protocol = [c.id for c in registry().values() if c.phase != BEYOND]
    assert len(protocol) == 32
    assert [identifier for identifier in protocol if identifier not in named_here()] == []


def test_every_checkpoint_beyond_the_protocol_that_needs_no_cluster_has_a_defect() -> None:
    beyond = [c.id for c in registry().values() if c.phase == BEYOND and TARGETS["containers"].intersection(c.needs)]
    assert [identifier for identifier in beyond if identifier not in named_here() | set(BY_ITS_TESTS)] == []


def test_every_checkpoint_that_only_its_tests_can_prove_has_a_defect_that_they_must_catch() -> None:
    seen = {node for defect in OF_TESTS for node in defect.tests}
    assert [identifier for identifier, node in BY_ITS_TESTS.items() if node not in seen or identifier in named_here()] == []


@pytest.mark.parametrize("code", sorted({*EXIT_CODES.values(), USAGE_EXIT, HARNESS_EXIT, INTERRUPTED_EXIT}))
def test_every_exit_code_has_a_defect_that_the_tests_of_exit_codes_must_catch(code: int) -> None:
    seen = [node for defect in OF_TESTS for node in defect.tests if f"_is_{code}" in node.removeprefix(f"{OF_EXIT_CODES}::")]
    assert [node for node in seen if node.startswith(OF_EXIT_CODES)]


def test_there_are_defects_of_every_layer_and_at_least_eighty_in_all() -> None:
    layers = {defect.layer for defect in catalogue.catalogue().values()}
    assert layers == {"contract", "source", "server", "migration", "image", "chart", "documents", "harness"}
    assert len(catalogue.catalogue()) >= 80


def test_every_checkpoint_that_can_run_in_a_cluster_has_a_defect_that_it_must_catch_there() -> None:
    named = {checkpoint for defect in catalogue.catalogue().values() for checkpoint in defect.cluster_checkpoints}
    assert [c.id for c in registry().values() if "cluster" in c.needs and c.id not in named] == []


@pytest.mark.parametrize("contained", [False, True], ids=["on this machine", "in containers"])
def test_the_unchanged_system_passes_every_checkpoint_of_the_catalogue(contained: bool) -> None:
    of_the_kind = [defect for defect in catalogue.choose(()) if bool(defect.images) == contained]
    assert of_the_kind
    proven = [defect for defect in PROVEN_HERE if defect in of_the_kind]
    if not proven:
        pytest.skip("not run: nothing these defects depend on has changed")
    skip_without_images(proven[0])
    for some, at_once in HERE.turns(proven):
        assert not_green(some, at_once) == []


@pytest.fixture(scope="module")
def proof_of() -> Iterator[Callable[[Defect], Result]]:
    """Returns the result of a defect. Those that can be proven here together with others are."""
    together = [d for d in TOGETHER if not (d.images and why_no_image_can_be_built())]
    known = dict[str, Result]()
    with closing(prove_together(together, HERE.at_once)) as coming:

        def of(defect: Defect) -> Result:
            if defect not in together:
                return prove(defect)
            while defect.id not in known:
                result = next(coming)
                known[result.defect.id] = result
            return known[defect.id]

        yield of


@pytest.mark.parametrize("defect", PROVEN_HERE, ids=lambda d: d.id)
def test_the_defect_is_caught(defect: Defect, proof_of: Callable[[Defect], Result]) -> None:
    skip_without_images(defect)
    result = proof_of(defect)
    assert result.outcome is Outcome.CAUGHT, result.detail
    assert "expected" in result.detail


def test_a_change_without_an_effect_survives() -> None:
    first = (PROJECT / CHART).read_text(encoding="utf-8").splitlines()[0]
    assert prove(a_defect(Change(CHART, first + "\n", first + "\n{{- /* nothing */}}\n"))).outcome is Outcome.SURVIVED


def test_a_change_that_breaks_the_code_is_not_applied() -> None:
    change = Change("system/contract.py", 'GROUP_START = "0"', "GROUP_START = (")
    assert prove(a_defect(change, "6.1")).outcome is Outcome.NOT_APPLIED


def test_a_checkpoint_that_cannot_be_proven_here_is_inconclusive() -> None:
    change = Change("system/contract.py", 'GROUP_START = "0"', 'GROUP_START = "$"')
    assert prove(a_defect(change, "2.4")).outcome is Outcome.INCONCLUSIVE


def test_a_run_that_does_not_end_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "RUN_SECONDS", 0.01)
    change = Change("system/contract.py", 'GROUP_START = "0"', 'GROUP_START = "$"')
    result = prove(a_defect(change, "6.1"))
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "--checkpoint 6.1 --quick --fail-fast` did not end within 0.01 s" in result.detail


@pytest.mark.parametrize(("find", "times"), [("no such text anywhere", 0), ("import", 2)])
def test_a_find_that_does_not_occur_exactly_once_is_refused(find: str, times: int) -> None:
    with pytest.raises(HarnessError, match="occurs"), seeded_copy(a_defect(Change("system/logs.py", find, "x"))):
        pytest.fail(f"a find with {times} occurrences was applied")


LOST_VOTE = "tests/unit/faults/test_reconciliation.py::test_a_vote_that_is_not_in_the_ledger_is_lost"
CRASH = Change("validation/faults/reconciliation.py", "    return Reconciliation(", "    1 / 0\n    return Reconciliation(")


def of_the_harness(change: Change, *tests: str) -> Defect:
    return Defect("X2", "A defect", "A story.", "harness", tests=tests, changes=(change,))


@pytest.mark.parametrize(
    ("change", "outcome", "detail"),
    [
        (
            Change("validation/faults/reconciliation.py", "lost=tuple(sorted(set(accepted) - set(ledger)))", "lost=()"),
            Outcome.CAUGHT,
            "observed ",
        ),
        (
            Change("validation/faults/reconciliation.py", '"""The votes of one run."""', '"""Votes."""'),
            Outcome.SURVIVED,
            f"{LOST_VOTE} passed",
        ),
        (CRASH, Outcome.INCONCLUSIVE, "but not by an assertion: ZeroDivisionError"),
        (Change("validation/faults/reconciliation.py", "CREATED = 201", "CREATED = 201 / 0"), Outcome.INCONCLUSIVE, "ZeroDivisionError"),
        (Change("validation/faults/reconciliation.py", "CREATED = 201", "CREATED = ("), Outcome.NOT_APPLIED, "was never closed"),
    ],
    ids=["caught", "survived", "a crash", "a failed import", "a syntax error"],
)
def test_only_an_assertion_catches_a_defect_of_the_harness(change: Change, outcome: Outcome, detail: str) -> None:
    result = prove(of_the_harness(change, LOST_VOTE))
    assert result.outcome is outcome, result.detail
    assert detail in result.detail


def test_each_test_must_catch_the_defect() -> None:
    other = "tests/unit/faults/test_reconciliation.py::test_keys_are_unique"
    change = Change("validation/faults/reconciliation.py", "lost=tuple(sorted(set(accepted) - set(ledger)))", "lost=()")
    result = prove(of_the_harness(change, LOST_VOTE, other))
    assert (result.outcome, result.detail) == (Outcome.SURVIVED, f"{other} passed")


def test_tests_that_do_not_end_are_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest_runs, "RUN_SECONDS", 0.01)
    assert prove(of_the_harness(CRASH, LOST_VOTE)).outcome is Outcome.INCONCLUSIVE


def test_missing_tests_are_not_green() -> None:
    (part,) = baselines([of_the_harness(CRASH, LOST_VOTE.replace("lost", "found"))])
    (problem,) = part()
    assert "test_a_vote_that_is_not_in_the_ledger_is_found" in problem


@pytest.mark.parametrize(("layer", "caught_by"), [("harness", 'checkpoints = ["5.1"]'), ("source", f'tests = ["{LOST_VOTE}"]')])
def test_only_tests_catch_a_defect_of_the_harness(layer: str, caught_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = f'[[defect]]\nid = "D1"\ntitle = "A"\nstory = "B."\nlayer = "{layer}"\n{caught_by}\n'
    file = tmp_path / "defects.toml"
    file.write_text(entry + 'change = [{ file = "validation/faults/reconciliation.py", find = "a", replace = "b" }]\n', encoding="utf-8")
    monkeypatch.setattr(catalogue, "CATALOGUE", file)
    with pytest.raises(HarnessError, match='`tests` requires layer = "harness"'):
        catalogue.catalogue.__wrapped__()
