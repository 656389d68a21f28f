"""The registry of checkpoints, read from `checkpoints.toml`, the only list of them."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from validation.core.errors import HarnessError, UsageError
from validation.core.settings import FIDELITIES

REGISTRY = Path(__file__).with_name("checkpoints.toml")
COUNTS = {1: 3, 2: 5, 3: 5, 4: 5, 5: 5, 6: 4, 7: 1, 8: 4}
"""How many checkpoints each phase of the protocol has: 32 in all."""
BEYOND = 0
"""The phase number of the checks beyond the protocol."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint of the protocol, or one check beyond it.

    Attributes:
        id: `5.1`, or `B1` beyond the protocol.
        phase: 1 to 8, or 0 beyond the protocol.
        title: a short claim.
        proves: what PASSED means.
        needs: the fidelities it runs at, lowest first; it runs on every target that offers one of them.
        inputs: the paths of the source that it reads on this machine. The last matching entry decides; ! excludes a path.
        reconstructed: the original protocol counts it and does not describe it.
    """

    id: str
    phase: int
    title: str
    proves: str
    needs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    reconstructed: bool = False

    @property
    def mark(self) -> str:
        """The tag of its Rule in a feature file, without the @."""
        return "cp_" + self.id.lower().replace(".", "_")

    def reads(self, file: PurePath) -> bool:
        """Return whether it reads a file of the source, on this machine.

        Args:
            file: path relative to the source.
        """
        reads = not self.inputs or self.inputs[0].startswith("!")
        for entry in self.inputs:
            if file.is_relative_to(entry.removeprefix("!")):
                reads = not entry.startswith("!")
        return reads


@cache
def phases() -> dict[int, str]:
    """Return the name of each phase by number."""
    return {int(number): name for number, name in _read()["phases"].items()}


@cache
def registry() -> dict[str, Checkpoint]:
    """Return all checkpoints by id, in order.

    Raises:
        HarnessError: the counts differ from the published ones, an id is duplicated, or a fidelity is unknown.
    """
    found = tuple(
        Checkpoint(**(entry | {"needs": tuple(entry["needs"]), "inputs": tuple(entry.get("inputs", ())), "phase": _phase(entry["id"])}))
        for entry in _read()["checkpoint"]
    )
    counts = Counter(c.phase for c in found if c.phase != BEYOND)
    if counts != COUNTS or len({c.id for c in found}) != len(found):
        raise HarnessError(
            f"The registry must list {COUNTS} checkpoints a phase, each id once; it lists {dict(counts)}.",
            "checkpoints.toml gained or lost a checkpoint",
            "git diff validation/registry/checkpoints.toml",
        )
    for checkpoint in found:
        if not checkpoint.needs or not set(checkpoint.needs) <= set(FIDELITIES):
            raise HarnessError(f"Checkpoint {checkpoint.id} needs {checkpoint.needs}. Valid names: {', '.join(FIDELITIES)}.")
    return {c.id: c for c in found}


def select(phase: Sequence[int] = (), ids: Iterable[str] = (), *, beyond: bool = True) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of some phases and ids; both empty: all.

    Raises:
        UsageError: an id or a phase does not exist.
    """
    every = registry()
    chosen = [i.strip().upper() for i in ids if i.strip()]
    for unknown in [i for i in chosen if i not in every]:
        similar = ", ".join(i for i in every if i.startswith(unknown[:1])) or ", ".join(every)
        raise UsageError(f"There is no checkpoint {unknown}. Valid ids: {similar}.", "", "votecheck list")
    for number in phase:
        if number not in COUNTS:
            raise UsageError(f"There is no phase {number}. Valid numbers: 1 to 8.", "", "votecheck list")
    return tuple(
        c
        for c in every.values()
        if (c.id in chosen if chosen else (c.phase in phase if phase else (beyond or c.phase != BEYOND))) or (chosen and c.phase in phase)
    )


def _phase(identifier: str) -> int:
    return BEYOND if identifier.startswith("B") else int(identifier.partition(".")[0])


@cache
def _read() -> dict[str, Any]:
    with REGISTRY.open("rb") as file:
        return tomllib.load(file)
