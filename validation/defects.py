"""The catalogue of defects, and the proof that the judge sees them: plant one in a copy of the system, run its checkpoints."""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from validation.checkpoints import select
from validation.errors import HarnessError, UsageError
from validation.images.planting import Images, images
from validation.settings import PROJECT

CATALOGUE = Path(__file__).with_name("defects.toml")
RUN_SECONDS = 600
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".tox", "reports", "__pycache__", ".*_cache", ".hypothesis", ".coverage*")


class Catch(StrEnum):
    """What became of a planted defect."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    INCONCLUSIVE = "inconclusive"
    NOT_LANDED = "not landed"


@dataclass(frozen=True, slots=True)
class Change:
    """One exact edit: `find` must occur once in `file`."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True, slots=True)
class Defect:
    """A planted change that must be found.

    Attributes:
        story: what happens to voters if it ships.
        checkpoints: the ids that must turn red, each of them.
        changes: edits of a copy of the source.
        redis: `name=value`, settings of the run's own Redis. B1, which reads them from the live server, is the witness.
        seed: draws the random faults that find it.
        images: the images that it is judged with; with any, it is judged in containers.
    """

    id: str
    title: str
    story: str
    layer: str
    checkpoints: tuple[str, ...]
    changes: tuple[Change, ...]
    redis: tuple[str, ...] = ()
    seed: int | None = None
    images: Images = Images.NONE

    @property
    def tag(self) -> str:
        """The tag of its images."""
        return f"defect-{self.id.lower()}"

    @property
    def flags(self) -> list[str]:
        """What a run is told beside its checkpoints."""
        flags = [word for setting in self.redis for word in ("--redis-setting", setting)]
        flags += [] if self.seed is None else ["--seed", str(self.seed)]
        return flags + (["--target", "containers", "--image-tag", self.tag] if self.images else [])


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a defect, and the words of the finding or the reason."""

    defect: Defect
    catch: Catch
    said: str


@cache
def catalogue() -> dict[str, Defect]:
    """All defects by id.

    Raises:
        HarnessError: an id is there twice.
        UsageError: a defect names a checkpoint that does not exist.
    """
    found = [
        Defect(**({k: v for k, v in entry.items() if k != "change"} | {
            "checkpoints": tuple(entry["checkpoints"]),
            "changes": tuple(Change(**change) for change in entry.get("change", ())),
            "redis": tuple(entry.get("redis", ())),
            "images": Images(entry.get("images", "")),
        }))
        for entry in tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["defect"]
    ]  # fmt: skip
    if len({d.id for d in found}) != len(found):
        raise HarnessError("A defect's id is there twice.", "defects.toml was edited by two")
    for defect in found:
        select(ids=defect.checkpoints)
        if not defect.changes and not ("B1" in defect.checkpoints and defect.redis) and defect.images is not Images.MOVED:
            raise HarnessError(f"Defect {defect.id} changes nothing that a witness can see.", "defects.toml")
    return {d.id: d for d in found}


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


def baseline(defects: Iterable[Defect]) -> list[str]:
    """Run the checkpoints of some defects on an unchanged copy; give those that are not green, with the reason."""
    kept = tuple(defects)
    judged: dict[str, dict[str, Any]] = {}
    with planted(None) as copy:
        for contained in (False, True):
            ids = sorted({c for d in kept if bool(d.images) == contained for c in d.checkpoints})
            unchanged = Defect("D0", "none", "", "", tuple(ids), (), images=Images.BUILT if contained else Images.NONE)
            if ids:
                with images(copy, copy, unchanged.images, unchanged.tag):
                    judged |= {f"{i}, in containers" if contained else i: told for i, told in _judge(copy, ids, unchanged.flags).items()}
    return [f"{i}: {told['verdict']} {told['reason']}" for i, told in judged.items() if told["verdict"] != "PASSED"]


def prove(defect: Defect) -> Result:
    """Plant a defect, prove that it landed, run its checkpoints and say what became of it."""
    try:
        with planted(defect) as copy:
            for change in defect.changes:
                landed = _loaded(copy, change)
                if landed:
                    return Result(defect, Catch.NOT_LANDED, landed)
            try:
                with images(copy, PROJECT, defect.images, defect.tag):
                    judged = _judge(copy, defect.checkpoints, defect.flags)
            except HarnessError as error:
                return Result(defect, Catch.INCONCLUSIVE, str(error))
    except HarnessError as error:
        return Result(defect, Catch.NOT_LANDED, str(error))
    for identifier in defect.checkpoints:
        one = judged[identifier]
        if one["verdict"] == "PASSED":
            return Result(defect, Catch.SURVIVED, f"{identifier} passed")
        if one["verdict"] != "FAILED" or not one["findings"]:
            return Result(defect, Catch.INCONCLUSIVE, f"{identifier}: {one['verdict']} {one['reason']}")
    finding = judged[defect.checkpoints[0]]["findings"][0]
    return Result(defect, Catch.CAUGHT, f"{finding['subject']}: expected {finding['expected']}, observed {finding['observed']}"[:300])


def _loaded(copy: Path, change: Change) -> str:
    """Witness: the copy's file is the one that Python takes, and it has the change. Gives what is wrong, or nothing."""
    path = copy / change.file
    if change.replace not in path.read_text(encoding="utf-8"):
        return f"{change.file} does not have the change"
    if path.suffix != ".py":
        return ""
    module = change.file.removesuffix(".py").replace("/", ".")
    program = f"import importlib.util; print(importlib.util.find_spec({module!r}).origin); compile(open({str(path)!r}).read(), 'x', 'exec')"
    asked = subprocess.run([sys.executable, "-c", program], cwd=copy, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    taken = asked.stdout.strip()
    return (
        ""
        if asked.returncode == 0 and Path(taken) == path
        else f"Python does not take the changed file: {taken or asked.stderr.strip()[-200:]}"
    )


def _judge(copy: Path, ids: Iterable[str], flags: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """Run checkpoints on a copy in a process of their own and give their entries of results.json by id."""
    with tempfile.TemporaryDirectory(prefix="votecheck-reports-") as reports:
        told = ["--source", str(copy), "--checkpoint", ",".join(ids), "--reports", reports, *flags]
        command = [sys.executable, "-m", "validation", "run", *told]
        try:
            ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise HarnessError(f"The run of {', '.join(ids)} did not end within {RUN_SECONDS} s.") from None
        results = Path(reports) / "latest" / "results.json"
        if not results.is_file():
            raise HarnessError(f"The run gave no results: {ran.stderr.strip()[-300:]}", f"it ended with {ran.returncode}")
        judged = json.loads(results.read_text(encoding="utf-8"))
    return {c["id"]: c for c in judged["checkpoints"] + judged["beyond"]}
