"""What the proof of a defect rests on: its entry, the files that it changes, and whatever looks for it. Each part has a digest."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

from validation.core.digests import contents, files_below
from validation.core.settings import PROJECT
from validation.defects.catalogue import Defect
from validation.defects.feature_inputs import Module, read_inputs, read_module
from validation.defects.proving.bench import Bench
from validation.registry.checkpoints import registry

LOOKING = (
    "features/steps",
    "features/support",
    "validation/probes",
    "validation/faults",
    "validation/model",
    "validation/network",
    "validation/policies",
)
"""The folders of what looks at the system. How it is started, and how verdicts are made and reported, has tests and defects of its own."""
LOAD = ("loadtests", "validation/load")
IMAGES = ("system/images",)
DIGEST_LENGTH = 16


def digests(defect: Defect, bench: Bench) -> dict[str, str]:
    """Return the digest of each part that the proof of a defect rests on: `entry`, `changed` and `looking`."""
    return {
        "entry": _digest([json.dumps(asdict(defect), sort_keys=True).encode()]),
        "changed": _of_files(PROJECT / change.file for change in defect.changes),
        "looking": _of_files(_looking(defect, bench)),
    }


def _looking(defect: Defect, bench: Bench) -> set[Path]:
    """Return the files of what must find a defect: features, steps, support and probes, or tests, or the load generator."""
    found = {PROJECT / test.partition("::")[0] for test in bench.tests(defect)}
    for identifier in bench.checkpoints(defect):
        found |= looking_for(identifier)
    for wanted, folders in ((bench.load(defect), LOAD), (bench.images(defect), IMAGES)):
        found |= {file for folder in folders if wanted for file in files_below(PROJECT / folder)}
    return found


@cache
def looking_for(checkpoint: str) -> frozenset[Path]:
    """Return the feature files of a checkpoint, and every module of `LOOKING` that their steps use, directly or not."""
    inputs, tag = read_inputs(), registry()[checkpoint].mark
    features = [feature for feature, tags in inputs.tags.items() if tag in tags]
    return frozenset(PROJECT / file for file in [*features, *_reached({m for f in features for m in inputs.modules[f]})])


def _reached(begin: Iterable[str]) -> set[str]:
    reached, todo = set[str](), set(begin)
    while todo:
        reached |= todo
        todo = {used for one in todo for used in _uses(one)} - reached
    return reached


@cache
def _uses(name: str) -> frozenset[str]:
    """Return the modules of `LOOKING` that one imports, and those with the fixtures that a module of the features may request."""
    module = _module(name)
    imported = {_names()[one] for one in module.imports if one in _names()}
    requested = {other for other, offered in _fixtures().items() if offered & module.requests} if name.startswith("features/") else set()
    return frozenset(imported | requested)


@cache
def _names() -> Mapping[str, str]:
    """Return the file of each module of `LOOKING` by its dotted name."""
    files = [file.relative_to(PROJECT) for folder in LOOKING for file in files_below(PROJECT / folder) if file.suffix == ".py"]
    return {".".join((file.parent if file.stem == "__init__" else file.with_suffix("")).parts): file.as_posix() for file in files}


@cache
def _fixtures() -> Mapping[str, frozenset[str]]:
    return {name: _module(name).fixtures for name in _names().values() if name.startswith("features/") and _module(name).fixtures}


@cache
def _module(name: str) -> Module:
    return read_module((PROJECT / name).read_text(encoding="utf-8"))


@cache
def _content(file: Path) -> bytes:
    return b"".join(contents(PROJECT, [file]))


def _of_files(files: Iterable[Path]) -> str:
    return _digest(_content(file) for file in sorted(set(files)))


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()[:DIGEST_LENGTH]
