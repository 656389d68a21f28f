"""The catalogue of seeded defects: `defects.toml`, read and checked."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from validation.core.errors import HarnessError, UsageError
from validation.registry.checkpoints import select

CATALOGUE = Path(__file__).with_name("defects.toml")
HARNESS = "harness"
"""The layer of defects in the harness itself. Its tests must catch them: a defective harness cannot be asked about its own defect."""

LATENCY = re.compile(r", p\d+$")
"""Limits on latency end with their percentile."""


class Images(StrEnum):
    """The images that the checkpoints of a defect run with."""

    NONE = ""
    BUILT = "built"
    """Images of the changed source."""
    STALE = "stale"
    """Images of the unchanged source."""
    MOVED = "moved"
    """Images of the changed source, with the consumer's tag on the API's image."""


@dataclass(frozen=True, slots=True)
class Change:
    """One exact edit: `find` must occur once in `file`."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True, slots=True)
class Load:
    """A load run that must show a defect: scenario, votes per second, length in seconds, and the limits that must break."""

    scenario: str
    rate: float
    seconds: float
    broken: tuple[str, ...]

    @property
    def timed(self) -> bool:
        """Whether one of the limits is a latency, which other work on the machine would break as well."""
        return any(LATENCY.search(limit) for limit in self.broken)


@dataclass(frozen=True, slots=True)
class Defect:
    """A change that must be caught.

    Attributes:
        title: what is broken.
        story: what goes wrong and what it costs if it ships.
        checkpoints: the ids that must each fail, at the lowest fidelity that can show the defect.
        cluster_checkpoints: the ids that must each fail in a cluster, by what is observed there.
        load: the load run that must show it; None: no load is needed.
        tests: tests of this repository, as file or file::test, that must each fail; for defects of the harness.
        changes: edits of a copy of the source.
        redis: `name=value` settings of the run's own Redis. B1 reads them from the live server.
        seed: seed for the random faults that find it.
        images: the images that the checkpoints run with; with any, they run in containers.
    """

    id: str
    title: str
    story: str
    layer: str
    checkpoints: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    cluster_checkpoints: tuple[str, ...] = ()
    load: Load | None = None
    tests: tuple[str, ...] = ()
    redis: tuple[str, ...] = ()
    seed: int | None = None
    images: Images = Images.NONE

    @property
    def tag(self) -> str:
        """The tag of its images."""
        return f"defect-{self.id.lower()}"

    @property
    def caught_by(self) -> tuple[str, ...]:
        """What must catch it: the ids of checkpoints, `test: …` and `load: …`."""
        tests = (f"test: {test}" for test in self.tests)
        return (*self.checkpoints, *self.cluster_checkpoints, *tests, *([f"load: {self.load.scenario}"] if self.load else ()))

    @property
    def flags(self) -> list[str]:
        """The options of its `votecheck run`, without checkpoints and target."""
        flags = [word for setting in self.redis for word in ("--redis-setting", setting)]
        return flags + ([] if self.seed is None else ["--seed", str(self.seed)])


@cache
def catalogue() -> dict[str, Defect]:
    """Return all defects by id.

    Raises:
        HarnessError: an id occurs twice, or an entry contradicts itself.
        UsageError: a defect names a checkpoint that does not exist.
    """
    found = [
        Defect(**({k: v for k, v in entry.items() if k != "change"} | {
            "checkpoints": tuple(entry.get("checkpoints", ())),
            "cluster_checkpoints": tuple(entry.get("cluster_checkpoints", ())),
            "load": _load(entry["load"]) if "load" in entry else None,
            "tests": tuple(entry.get("tests", ())),
            "changes": tuple(Change(**change) for change in entry.get("change", ())),
            "redis": tuple(entry.get("redis", ())),
            "images": Images(entry.get("images", "")),
        }))
        for entry in tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["defect"]
    ]  # fmt: skip
    if len({d.id for d in found}) != len(found):
        raise HarnessError("A defect id occurs twice in defects.toml.", "two branches added a defect")
    for defect in found:
        select(ids=(*defect.checkpoints, *defect.cluster_checkpoints))
        if not (defect.checkpoints or defect.cluster_checkpoints or defect.load or defect.tests):
            raise HarnessError(
                f"Nothing must catch defect {defect.id}: it needs checkpoints, cluster_checkpoints, load or tests.", "defects.toml"
            )
        if not defect.changes and not ("B1" in defect.checkpoints and defect.redis) and defect.images is not Images.MOVED:
            raise HarnessError(f'Defect {defect.id} changes nothing: it needs change, redis with B1, or images = "moved".', "defects.toml")
        if bool(defect.tests) != (defect.layer == HARNESS):
            raise HarnessError(f'Defect {defect.id}: `tests` requires layer = "{HARNESS}", and vice versa.', "defects.toml")
    return {d.id: d for d in found}


def _load(entry: Mapping[str, Any]) -> Load:
    return Load(entry["scenario"], entry["rate"], entry["seconds"], tuple(entry["broken"]))


def choose(ids: Iterable[str]) -> list[Defect]:
    """Return the defects with the given ids; without ids, all of them.

    Raises:
        UsageError: the catalogue does not have an id.
    """
    wanted = [i.strip().upper() for i in ids if i.strip()]
    for unknown in [i for i in wanted if i not in catalogue()]:
        raise UsageError(f"There is no defect {unknown}.", "", "votecheck defects list")
    return [d for d in catalogue().values() if not wanted or d.id in wanted]
