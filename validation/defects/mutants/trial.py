"""Runs the protocol on mutants: each is applied to a copy of the source, and checkpoints run on this machine until one catches it."""

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
from validation.defects.mutants import chart, python
from validation.defects.mutants.mutant import Mutant
from validation.defects.parallel import jobs
from validation.defects.proving.bench import BRIEFLY, HERE
from validation.defects.proving.commands import run_checkpoints
from validation.defects.seeding import seeded_copy
from validation.registry.checkpoints import BEYOND, registry

ACCEPTED = Path(__file__).with_name("accepted_survivors.toml")
SHOWN = 200
"""How many characters of a finding are kept."""


class Fate(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    """A checkpoint failed, by a finding."""
    STOPPED = "stopped"
    """Nothing was wrong, but a checkpoint could not be proven: the run is INCOMPLETE and clears no release."""
    SURVIVED = "survived"
    """Every checkpoint passed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant, what became of it, and the checkpoint that decided, with its finding or reason."""

    mutant: Mutant
    fate: Fate
    detail: str = ""


def stages(file: str) -> list[list[str]]:
    """Return the ids of the checkpoints that read a file and can run on this machine: first the protocol, then the slower ones beyond."""
    shown = [one for one in registry().values() if TARGETS["local"].intersection(one.needs) and one.reads(PurePosixPath(file))]
    return [[one.id for one in shown if (one.phase == BEYOND) is beyond] for beyond in (False, True)]


def sample(count: int, seed: int, only: str = "", source: Path = PROJECT) -> list[Mutant]:
    """Draw mutants of the system and the chart; the same seed and source give the same ones.

    Args:
        count: how many, at most.
        seed: of the random draw.
        only: a file's path, or a prefix of paths; empty: any file.
        source: the folder with `system/` and `chart/`.
    """
    every = [*python.mutants_of(source, only), *chart.mutants_of(source, only)]
    random.Random(seed).shuffle(every)  # noqa: S311 - no secret
    return list(islice((one for one in every if not one.file.startswith("chart/") or chart.matters(one, source)), count))


Key = tuple[str, str, str, str]
"""Identifies a mutant even if its line moves: file, kind, before and after."""


def key(mutant: Mutant) -> Key:
    """Return the key of a mutant."""
    return mutant.file, mutant.kind, mutant.before, mutant.after


def accepted() -> dict[Key, str]:
    """Return the accepted survivors, each with the reason.

    An entry with a `*` in its file stands for every mutant that its patterns match.
    """
    entries: Sequence[dict[str, str]] = tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("survivor", ())
    listed = [((one["file"], one["kind"], one["before"], one["after"]), one["reason"]) for one in entries]
    every = {key(one) for one in (*python.mutants_of(PROJECT), *chart.mutants_of(PROJECT))}
    matched = {one: reason for pattern, reason in listed if "*" in pattern[0] for one in every if all(map(fnmatchcase, one, pattern))}
    return matched | {one: reason for one, reason in listed if "*" not in one[0]}


def try_all(mutants: Sequence[Mutant]) -> Generator[Trial]:
    """Run the protocol on mutants, several at once, and yield the results in their order.

    Raises:
        HarnessError: a checkpoint fails on the unchanged system.
    """
    parts = {f"{one.file.split('/')[0]}/" for one in mutants}
    with jobs([partial(_not_passed, None, part) for part in parts], 1) as futures:
        before = {identifier: entry for future in futures for identifier, entry in future.result().items()}
    if failed := [entry for entry in before.values() if entry["verdict"] == "FAILED"]:
        raise HarnessError(
            f"The unchanged system is not green: {failed[0]['id']} {failed[0]['reason']}", "a fault in the system", "votecheck run"
        )
    with jobs([partial(_try, mutant, frozenset(before)) for mutant in mutants], HERE.at_once) as trials:
        yield from (future.result() for future in trials)


def _try(mutant: Mutant, open_before: frozenset[str]) -> Trial:
    try:
        entries = _not_passed(mutant, mutant.file)
    except HarnessError as error:  # for example a run that does not end
        return Trial(mutant, Fate.STOPPED, str(error).split("\n", 1)[0])
    for identifier, entry in entries.items():
        if entry["findings"]:
            first = entry["findings"][0]
            detail = f"{identifier} {first['subject']}: expected {first['expected']}, observed {first['observed']}"
            return Trial(mutant, Fate.CAUGHT, detail[:SHOWN])
    stopped = [f"{identifier} {entry['reason']}"[:SHOWN] for identifier, entry in entries.items() if identifier not in open_before]
    return Trial(mutant, Fate.STOPPED, stopped[0]) if stopped else Trial(mutant, Fate.SURVIVED)


def _not_passed(mutant: Mutant | None, file: str) -> dict[str, dict[str, Any]]:
    """Return the entries of the checkpoints that do not pass on a copy, by id; with a mutant, up to the first stage with a finding."""
    found: dict[str, dict[str, Any]] = {}
    with seeded_copy(None) as copy:
        if mutant:
            (copy / mutant.file).write_text(mutant.text, encoding="utf-8")
        for ids in stages(file):
            entries = run_checkpoints(copy, ids, BRIEFLY)
            found |= {i: entry for i, entry in entries.items() if i in ids and entry["verdict"] != "PASSED"}
            if mutant and any(entry["findings"] for entry in found.values()):
                return found
    return found
