"""What the protocol says of mutants: each is planted into a copy of the source, and judged on this machine until somebody sees it."""

import random
import tomllib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from validation.core.errors import HarnessError
from validation.core.settings import PROJECT, TARGETS
from validation.defects.catalogue import planted
from validation.defects.mutants import chart, python
from validation.defects.mutants.mutant import Mutant
from validation.defects.parallel import jobs
from validation.defects.proving import BRIEFLY, HERE, judged_copy
from validation.registry.checkpoints import BEYOND, registry

KNOWN = Path(__file__).with_name("accepted_survivors.toml")
SAID = 200


class Fate(StrEnum):
    """What became of a mutant."""

    SEEN = "seen"
    """A checkpoint failed, by a finding."""
    STOPPED = "stopped"
    """Nothing was found wrong, but a checkpoint could not be proven: the run is INCOMPLETE, and nothing is released."""
    SURVIVED = "survived"
    """Everything was green."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant, what became of it, and by what: the checkpoint and its words."""

    mutant: Mutant
    fate: Fate
    said: str = ""


def stages(file: str) -> list[list[str]]:
    """Give the ids of the checkpoints that look at a file, on this machine, in stages: those that take longer come last."""
    shown = [one for one in registry().values() if TARGETS["local"].intersection(one.needs) and one.reads(PurePosixPath(file))]
    return [[one.id for one in shown if (one.phase == BEYOND) is beyond] for beyond in (False, True)]


def sample(count: int, seed: int, only: str = "", source: Path = PROJECT) -> list[Mutant]:
    """Draw mutants of the system and of the chart, the same for the same seed and source.

    Args:
        count: how many, at most.
        seed: draws them.
        only: a file's path, or the begin of one; empty: any.
        source: where the system is.
    """
    every = [*python.mutants_of(source, only), *chart.mutants_of(source, only)]
    random.Random(seed).shuffle(every)  # noqa: S311 - no secret
    return list(islice((one for one in every if not one.file.startswith("chart/") or chart.matters(one, source)), count))


Key = tuple[str, str, str, str]
"""What a mutant is known by, wherever its line has moved: file, kind, before and after."""


def key(mutant: Mutant) -> Key:
    """Give what a mutant is known by."""
    return mutant.file, mutant.kind, mutant.before, mutant.after


def known() -> dict[Key, str]:
    """Give the reasons of the survivors that somebody has looked at, and let live.

    An entry whose file has a `*` stands for all mutants that it is the pattern of.
    """
    entries: Sequence[dict[str, str]] = tomllib.loads(KNOWN.read_text(encoding="utf-8")).get("survivor", ())
    told = [((one["file"], one["kind"], one["before"], one["after"]), one["reason"]) for one in entries]
    every = {key(one) for one in (*python.mutants_of(PROJECT), *chart.mutants_of(PROJECT))}
    alike = {one: reason for pattern, reason in told if "*" in pattern[0] for one in every if all(map(fnmatchcase, one, pattern))}
    return alike | {one: reason for one, reason in told if "*" not in one[0]}


def judging(mutants: Sequence[Mutant]) -> Generator[Judged]:
    """Judge mutants, some at once, in their order.

    Raises:
        HarnessError: the unchanged system is not green.
    """
    parts = {f"{one.file.split('/')[0]}/" for one in mutants}
    with jobs([partial(_not_green, None, part) for part in parts], 1) as first:
        open_before = {identifier: told for future in first for identifier, told in future.result().items()}
    if wrong := [told for told in open_before.values() if told["verdict"] == "FAILED"]:
        raise HarnessError(
            f"The unchanged system is not green: {wrong[0]['id']} {wrong[0]['reason']}", "a fault of the system", "votecheck run"
        )
    with jobs([partial(_judge, mutant, frozenset(open_before)) for mutant in mutants], HERE.at_once) as coming:
        yield from (future.result() for future in coming)


def _judge(mutant: Mutant, open_before: frozenset[str]) -> Judged:
    try:
        told = _not_green(mutant, mutant.file)
    except HarnessError as error:  # such as a run that does not end
        return Judged(mutant, Fate.STOPPED, str(error).split("\n", 1)[0])
    for identifier, one in told.items():
        if one["findings"]:
            first = one["findings"][0]
            said = f"{identifier} {first['subject']}: expected {first['expected']}, observed {first['observed']}"
            return Judged(mutant, Fate.SEEN, said[:SAID])
    stopped = [f"{identifier} {one['reason']}"[:SAID] for identifier, one in told.items() if identifier not in open_before]
    return Judged(mutant, Fate.STOPPED, stopped[0]) if stopped else Judged(mutant, Fate.SURVIVED)


def _not_green(mutant: Mutant | None, file: str) -> dict[str, dict[str, Any]]:
    """Judge a copy, and give the checkpoints that are not green, by id: a mutant's up to the first stage with a finding."""
    found: dict[str, dict[str, Any]] = {}
    with planted(None) as copy:
        if mutant:
            (copy / mutant.file).write_text(mutant.text, encoding="utf-8")
        for ids in stages(file):
            told = judged_copy(copy, ids, BRIEFLY)
            found |= {i: one for i, one in told.items() if i in ids and one["verdict"] != "PASSED"}
            if mutant and any(one["findings"] for one in found.values()):
                return found
    return found
