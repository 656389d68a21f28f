"""A copy of what the images are made from, engines that are not there or refuse, and the one that answers."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.images import build as building
from validation.images import engines
from validation.images.engines import Engine
from validation.images.source import PARTS


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return copy_source(tmp_path / "source")


def copy_source(folder: Path) -> Path:
    shutil.copytree(PROJECT / "system", folder / "system", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of commands: no engine but those that a test puts there."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, script: str) -> None:
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


@dataclass(frozen=True)
class Shelf:
    """A podman with a store of its own, which holds what our images are based on and nothing else: nobody else's is touched.

    Attributes:
        engine: the engine, while `path` is what PATH begins with.
        path: the folder of the command.
    """

    engine: Engine
    path: Path


@pytest.fixture(scope="session")
def filled_shelf() -> Iterator[Shelf]:
    with own_store() as made:
        yield made


@pytest.fixture
def shelf(filled_shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("PATH", f"{filled_shelf.path}:{os.environ['PATH']}")
    return filled_shelf


@contextmanager
def own_store() -> Iterator[Shelf]:
    good, why = engines.answers("podman")
    if not good:
        pytest.skip(f"only a real podman can show this: {why}")
    bases = sorted({base for part in PARTS for base in building._bases(PROJECT, part)})
    podman = Engine("podman")
    for base in bases:
        if podman.ask("image", "exists", base).returncode and podman.ask("pull", base, within=300).returncode:
            pytest.skip(f"only a real build can show this, and {base} cannot be had")
    folder = Path(tempfile.mkdtemp(prefix="vc-"))  # podman refuses a path as long as pytest's
    (folder / "path").mkdir()
    for name in ("podman", "buildah"):
        if command := shutil.which(name):
            put(folder / "path", name, f'exec {command} --root {folder}/root --runroot {folder}/run "$@"')
    podman.run("save", "--quiet", "--multi-image-archive", "--output", str(folder / "bases.tar"), *bases)
    own = [str(folder / "path" / "podman")]
    subprocess.run([*own, "load", "--quiet", "--input", str(folder / "bases.tar")], check=True, capture_output=True)
    try:
        yield Shelf(podman, folder / "path")
    finally:
        subprocess.run([*own, "rmi", "--all", "--force"], check=False, capture_output=True)
        subprocess.run([*own, "unmount", "--all"], check=False, capture_output=True)
        shutil.rmtree(folder)
