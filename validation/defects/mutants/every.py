"""All mutants of a part of the project, and which of them may be tried at all."""

import random
from pathlib import Path

from validation.core.settings import PROJECT
from validation.core.shards import Shard
from validation.defects.mutants import chart, files, python
from validation.defects.mutants.mutant import Mutant

HARNESS = (
    "validation/record", "validation/core", "validation/faults/reconciliation.py", "validation/defects/proving", "validation/probes",
    "validation/pytest_plugin",
)  # fmt: skip
"""What decides that a release may ship: verdicts, recording, waiting, comparison, reconciliation, proofs and probes."""


def of_harness(file: str) -> bool:
    """Return whether a file belongs to the harness, whose mutants are tried with its tests."""
    return file.startswith("validation/")


def mutants(only: str = "", source: Path = PROJECT) -> list[Mutant]:
    """Return all mutants of the release, or of the harness if `only` names a part of it.

    Args:
        only: a file's path, or a prefix of paths; empty: the system, the chart, the images and compose.
        source: the folder with `system/`, `chart/` and `validation/`.
    """
    if of_harness(only):
        return python.of_folders(source, HARNESS, only)
    return [*python.mutants_of(source, only), *chart.mutants_of(source, only), *files.mutants_of(source, only)]


def drawn(every: list[Mutant], count: int | None, seed: int) -> list[Mutant]:
    """Return some mutants in random order: the same seed and source give the same ones.

    Args:
        every: what to draw from.
        count: how many, at most; None: all.
        seed: of the random draw.
    """
    shuffled = [*every]
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    return shuffled[:count]


def in_shard(every: list[Mutant], shard: Shard) -> list[Mutant]:
    """Return one of several parts of similar size, which together are all mutants. Neighbours go to different parts."""
    return every[shard.number - 1 :: shard.of]
