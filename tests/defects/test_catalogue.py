"""Every planted defect is caught by each checkpoint that it names, and a planting that proves nothing is never called a catch."""

from collections.abc import Iterator
from concurrent.futures import Future
from functools import cache

import pytest

from validation import defects, engines, proving
from validation.checkpoints import BEYOND, registry
from validation.defects import Change, Defect
from validation.errors import HarnessError, TargetUnavailable
from validation.images import build
from validation.images.source import PARTS
from validation.proving import HERE, Catch, Result
from validation.settings import PROJECT, TARGETS

CHART = "chart/templates/consumer.yaml"
PROVEN_HERE = [defect for defect in defects.catalogue().values() if HERE.proves(defect)]


def a_defect(change: Change, checkpoint: str = "4.2") -> Defect:
    return Defect("X1", "A defect", "A story.", "test", (checkpoint,), (change,))


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


@pytest.mark.parametrize("defect", defects.catalogue().values(), ids=lambda d: d.id)
def test_every_change_is_found_exactly_once(defect: Defect) -> None:
    for change in defect.changes:
        assert (PROJECT / change.file).read_text(encoding="utf-8").count(change.find) == 1
    assert len(defect.story.split(". ")) >= 2


def test_every_check_beyond_the_protocol_that_can_be_judged_here_has_a_defect() -> None:
    named = {checkpoint for defect in defects.catalogue().values() for checkpoint in defect.checkpoints}
    beyond = [c for c in registry().values() if c.phase == BEYOND and TARGETS["local"].intersection(c.needs)]
    assert [c.id for c in beyond if c.id not in named] == []


def test_every_checkpoint_that_looks_at_a_cluster_has_a_defect_that_is_seen_there() -> None:
    named = {checkpoint for defect in defects.catalogue().values() for checkpoint in defect.live}
    assert [c.id for c in registry().values() if "cluster" in c.needs and c.id not in named] == []


@pytest.mark.parametrize("contained", [False, True], ids=["on this machine", "in containers"])
def test_the_unchanged_system_is_green_at_every_checkpoint_that_a_defect_names(contained: bool) -> None:
    chosen = [defect for defect in defects.choose(()) if bool(defect.images) == contained]
    assert chosen
    skip_without_images(chosen[0])
    assert proving.baseline(chosen) == []


@pytest.fixture(scope="module")
def proofs() -> Iterator[dict[str, Future[Result]]]:
    """What becomes of each defect that can be proven here."""
    with proving.proving(d for d in PROVEN_HERE if not (d.images and why_no_image_can_be_built())) as coming:
        yield coming


@pytest.mark.parametrize("defect", PROVEN_HERE, ids=lambda d: d.id)
def test_the_defect_is_caught(defect: Defect, proofs: dict[str, Future[Result]]) -> None:
    skip_without_images(defect)
    result = proofs[defect.id].result()
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
    assert "--checkpoint 6.1` did not end within 0.01 s" in result.said


@pytest.mark.parametrize(("find", "times"), [("no such text anywhere", 0), ("import", 2)])
def test_a_find_that_does_not_occur_exactly_once_is_refused(find: str, times: int) -> None:
    with pytest.raises(HarnessError, match="occurs"), defects.planted(a_defect(Change("system/logs.py", find, "x"))):
        pytest.fail(f"{times} occurrences were planted")
