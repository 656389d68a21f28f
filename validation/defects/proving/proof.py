"""The proof that the harness can fail: apply a defect, run what must catch it, and see what fails and why."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.defects.catalogue import Defect, Load
from validation.defects.proving.bench import HERE, Bench
from validation.defects.proving.commands import run_checkpoints, run_load
from validation.defects.proving.pytest_runs import run_tests, still_passing, why_inconclusive
from validation.defects.seeded_images import images
from validation.defects.seeding import seeded_copy, why_not_applied

SHOWN = 300
"""How many characters of a finding are kept."""


class Outcome(StrEnum):
    """What became of a seeded defect."""

    CAUGHT = "caught"
    """Everything that must catch it failed, by a finding."""
    SURVIVED = "survived"
    """Something that must catch it passed."""
    INCONCLUSIVE = "inconclusive"
    """Nothing passed, but something could not be proven."""
    NOT_APPLIED = "not applied"
    """The copy does not have the defect."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a defect: the finding or the reason, and how many seconds it took."""

    defect: Defect
    outcome: Outcome
    detail: str
    seconds: float = 0.0


def prove(defect: Defect, bench: Bench = HERE) -> Result:
    """Apply a defect, check that it took effect, run what must catch it, and return what became of it."""
    begun = time.monotonic()
    return replace(_proven(defect, bench), seconds=time.monotonic() - begun)


def _proven(defect: Defect, bench: Bench) -> Result:
    try:
        with seeded_copy(defect) as copy:
            for change in defect.changes:
                if why := why_not_applied(copy, change):
                    return Result(defect, Outcome.NOT_APPLIED, why)
            try:
                if load := bench.load(defect):
                    return _by_load(defect, load, copy)
                return _by_tests(defect, tests, copy) if (tests := bench.tests(defect)) else _by_checkpoints(defect, bench, copy)
            except HarnessError as error:
                return Result(defect, Outcome.INCONCLUSIVE, str(error))
    except HarnessError as error:
        return Result(defect, Outcome.NOT_APPLIED, str(error))


def _by_checkpoints(defect: Defect, bench: Bench, copy: Path) -> Result:
    with images(copy, PROJECT, bench.images(defect), defect.tag):
        entries = run_checkpoints(copy, bench.checkpoints(defect), bench.flags(defect))
    caught = list[dict[str, Any]]()
    for identifier in bench.checkpoints(defect):
        entry = entries[identifier]
        findings = list(filter(bench.counts, entry["findings"]))
        if entry["verdict"] == "PASSED":
            return Result(defect, Outcome.SURVIVED, f"{identifier} passed")
        if entry["verdict"] != "FAILED" or not findings:
            return Result(defect, Outcome.INCONCLUSIVE, f"{identifier}: {entry['verdict']} {entry['reason']}")
        caught += findings
    return Result(defect, Outcome.CAUGHT, _finding(caught[0]["subject"], caught[0]["expected"], caught[0]["observed"]))


def _by_load(defect: Defect, load: Load, copy: Path) -> Result:
    held = run_load(copy, load)
    for limit in load.broken:
        one = held.get(limit)
        if one is None or one["held"] is None:
            return Result(defect, Outcome.INCONCLUSIVE, f"{limit}: {one['reason'] if one else 'the load run did not check this limit'}")
        if one["held"]:
            return Result(defect, Outcome.SURVIVED, f"{limit}: {one['seen']}")
    first = held[load.broken[0]]
    return Result(defect, Outcome.CAUGHT, _finding(first["what"], first["limit"], first["seen"]))


def _by_tests(defect: Defect, tests: Sequence[str], copy: Path) -> Result:
    ran = run_tests(copy, tests)
    if why := why_inconclusive(ran, tests):
        return Result(defect, Outcome.INCONCLUSIVE, why)
    if passing := still_passing(ran, tests):
        return Result(defect, Outcome.SURVIVED, f"{passing[0]} passed")
    test, words = ran.failed[0]
    return Result(defect, Outcome.CAUGHT, _finding(test, "to pass", words))


def _finding(subject: str, expected: str, observed: str) -> str:
    return f"{subject}: expected {expected}, observed {observed}"[:SHOWN]
