"""The catalogue of defects, and copies of the source with one of them in it."""

import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT
from validation.defects.planted_images import Images
from validation.registry.checkpoints import select

CATALOGUE = Path(__file__).with_name("defects.toml")
HARNESS = "harness"
"""The layer of defects of the judge itself, which its tests must see: a judge with a defect cannot be asked about it."""

TIME = re.compile(r", p\d+$")
"""How a limit of a time is named: by its percentile."""

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".tox", "reports", "__pycache__", ".*_cache", ".hypothesis", ".coverage*")


@dataclass(frozen=True, slots=True)
class Change:
    """One exact edit: `find` must occur once in `file`."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True, slots=True)
class Load:
    """A load that must show a defect: a scenario, how much of it, and the limits that must be broken."""

    scenario: str
    rate: float
    seconds: float
    broken: tuple[str, ...]

    @property
    def timed(self) -> bool:
        """Whether one of them is a time, which what else a machine does would break."""
        return any(TIME.search(limit) for limit in self.broken)


@dataclass(frozen=True, slots=True)
class Defect:
    """A planted change that must be found.

    Attributes:
        story: what happens to voters if it ships.
        checkpoints: the ids that must turn red, each of them, at the lowest fidelity that can show it.
        cluster_checkpoints: those that must turn red in a cluster, each by what is observed there.
        load: the load that must show it; None: no load is needed.
        tests: tests of this repository, files or files::tests, each of which must fail: for what the judge itself must never do.
        changes: edits of a copy of the source.
        redis: `name=value`, settings of the run's own Redis. B1, which reads them from the live server, is the witness.
        seed: draws the random faults that find it.
        images: the images that it is judged with; with any, it is judged in containers.
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
    def flags(self) -> list[str]:
        """What a run is told beside its checkpoints, wherever that is."""
        flags = [word for setting in self.redis for word in ("--redis-setting", setting)]
        return flags + ([] if self.seed is None else ["--seed", str(self.seed)])


@cache
def catalogue() -> dict[str, Defect]:
    """All defects by id.

    Raises:
        HarnessError: an id is there twice.
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
        raise HarnessError("A defect's id is there twice.", "defects.toml was edited by two")
    for defect in found:
        select(ids=(*defect.checkpoints, *defect.cluster_checkpoints))
        if not (defect.checkpoints or defect.cluster_checkpoints or defect.load or defect.tests):
            raise HarnessError(f"Defect {defect.id} names nothing that must see it.", "defects.toml")
        if not defect.changes and not ("B1" in defect.checkpoints and defect.redis) and defect.images is not Images.MOVED:
            raise HarnessError(f"Defect {defect.id} changes nothing that a witness can see.", "defects.toml")
        if bool(defect.tests) != (defect.layer == HARNESS):
            raise HarnessError(f"Defect {defect.id} is of the judge if its tests must see it, and only then.", "defects.toml")
    return {d.id: d for d in found}


def _load(told: Mapping[str, Any]) -> Load:
    return Load(told["scenario"], told["rate"], told["seconds"], tuple(told["broken"]))


def choose(ids: Iterable[str]) -> list[Defect]:
    """Choose defects by id; none means all.

    Raises:
        UsageError: an id that the catalogue does not have.
    """
    wanted = [i.strip().upper() for i in ids if i.strip()]
    for unknown in [i for i in wanted if i not in catalogue()]:
        raise UsageError(f"There is no defect {unknown}.", f"the catalogue has {', '.join(catalogue())}", "votecheck defects list")
    return [d for d in catalogue().values() if not wanted or d.id in wanted]


@contextmanager
def planted(defect: Defect | None, source: Path = PROJECT) -> Iterator[Path]:
    """Give a copy of the source with the defect in it, or without any; it is removed afterwards.

    Raises:
        HarnessError: a `find` does not occur exactly once, so nothing is planted.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-defect-") as temporary:
        copy = Path(temporary) / "source"
        shutil.copytree(source, copy, ignore=NOT_COPIED)
        for change in defect.changes if defect else ():
            file = copy / change.file
            text = file.read_text(encoding="utf-8")
            if text.count(change.find) != 1:
                raise HarnessError(
                    f"«{change.find.strip()[:60]}» occurs {text.count(change.find)} times in {change.file}.", "the code has moved on"
                )
            file.write_text(text.replace(change.find, change.replace), encoding="utf-8")
        yield copy
