"""The registry of checkpoints, read from `checkpoints.toml`, which is the only place that lists them."""

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
"""The phase number of the checks that lie beyond the protocol."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint of the protocol, or one check beyond it.

    Attributes:
        id: `5.1`, or `B1` beyond the protocol.
        phase: 1 to 8, or 0 beyond the protocol.
        title: a few words.
        proves: what a pass means.
        needs: the fidelities it is judged at; it runs as soon as the first is there.
        inputs: what of the source it looks at on this machine, by path; the last that fits counts, and with ! it does not look there.
        reconstructed: counted by the original protocol and never written down there.
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
        """The tag in a feature file, without the @."""
        return "cp_" + self.id.lower().replace(".", "_")

    def looks_at(self, file: PurePath) -> bool:
        """Tell whether it looks at a file of the source, on this machine.

        Args:
            file: its path below the source.
        """
        looks = not self.inputs or self.inputs[0].startswith("!")
        for entry in self.inputs:
            if file.is_relative_to(entry.removeprefix("!")):
                looks = not entry.startswith("!")
        return looks


@cache
def phases() -> dict[int, str]:
    """The name of each phase."""
    return {int(number): name for number, name in _read()["phases"].items()}


@cache
def registry() -> dict[str, Checkpoint]:
    """All checkpoints by id, in order.

    Raises:
        HarnessError: the registry does not have exactly the published counts, or an entry cannot be read.
    """
    found = tuple(
        Checkpoint(**(entry | {"needs": tuple(entry["needs"]), "inputs": tuple(entry.get("inputs", ())), "phase": _phase(entry["id"])}))
        for entry in _read()["checkpoint"]
    )
    counts = Counter(c.phase for c in found if c.phase != BEYOND)
    if counts != COUNTS or len({c.id for c in found}) != len(found):
        raise HarnessError(
            f"The registry has {dict(counts)} checkpoints a phase and must have {COUNTS}, each id once.",
            "a checkpoint was added to or removed from checkpoints.toml",
            "git diff validation/registry/checkpoints.toml",
        )
    for checkpoint in found:
        if not checkpoint.needs or not set(checkpoint.needs) <= set(FIDELITIES):
            raise HarnessError(f"Checkpoint {checkpoint.id} needs {checkpoint.needs}; known are {FIDELITIES}.")
    return {c.id: c for c in found}


def select(phase: Sequence[int] = (), ids: Iterable[str] = (), *, beyond: bool = True) -> tuple[Checkpoint, ...]:
    """Choose checkpoints by phase and by id; both empty means all.

    Raises:
        UsageError: an id or a phase that the registry does not have.
    """
    every = registry()
    wanted = [i.strip().upper() for i in ids if i.strip()]
    for unknown in [i for i in wanted if i not in every]:
        near = ", ".join(i for i in every if i.startswith(unknown[:1])) or ", ".join(every)
        raise UsageError(f"There is no checkpoint {unknown}.", f"the nearest are {near}", "votecheck list")
    for number in phase:
        if number not in COUNTS:
            raise UsageError(f"There is no phase {number}.", "the protocol has phases 1 to 8", "votecheck list")
    return tuple(
        c
        for c in every.values()
        if (c.id in wanted if wanted else (c.phase in phase if phase else (beyond or c.phase != BEYOND))) or (wanted and c.phase in phase)
    )


def _phase(identifier: str) -> int:
    return BEYOND if identifier.startswith("B") else int(identifier.partition(".")[0])


@cache
def _read() -> dict[str, Any]:
    with REGISTRY.open("rb") as file:
        return tomllib.load(file)
