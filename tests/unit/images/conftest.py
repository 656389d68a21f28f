"""Fixtures: a copy of the images' source, a PATH with fake engines, and a real podman with a store of its own."""

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
    """The only folder on PATH: it contains just the engines that a test puts there."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, script: str) -> None:
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


@dataclass(frozen=True)
class PrivateStore:
    """A podman with a store of its own, which contains only the base images. The user's store is not touched.

    Attributes:
        engine: the engine, usable while PATH starts with `path`.
        path: the folder of the podman command.
    """

    engine: Engine
    path: Path


@pytest.fixture(scope="session")
def session_store() -> Iterator[PrivateStore]:
    with private_store() as created:
        yield created


@pytest.fixture
def podman(session_store: PrivateStore, monkeypatch: pytest.MonkeyPatch) -> PrivateStore:
    monkeypatch.setenv("PATH", f"{session_store.path}:{os.environ['PATH']}")
    return session_store


@contextmanager
def private_store() -> Iterator[PrivateStore]:
    good, why = engines.answers("podman")
    if not good:
        pytest.skip(f"needs a real podman: {why}")
    bases = sorted({base for part in PARTS for base in building._bases(PROJECT, part)})
    engine = Engine("podman")
    for base in bases:
        if engine.ask("image", "exists", base).returncode and engine.ask("pull", base, within=300).returncode:
            pytest.skip(f"needs a real build, and {base} cannot be pulled")
    folder = Path(tempfile.mkdtemp(prefix="vc-"))  # podman rejects paths as long as tmp_path
    (folder / "path").mkdir()
    for name in ("podman", "buildah"):
        if command := shutil.which(name):
            put(folder / "path", name, f'exec {command} --root {folder}/root --runroot {folder}/run "$@"')
    engine.run("save", "--quiet", "--multi-image-archive", "--output", str(folder / "bases.tar"), *bases)
    own = [str(folder / "path" / "podman")]
    subprocess.run([*own, "load", "--quiet", "--input", str(folder / "bases.tar")], check=True, capture_output=True)
    try:
        yield PrivateStore(engine, folder / "path")
    finally:
        subprocess.run([*own, "rmi", "--all", "--force"], check=False, capture_output=True)
        subprocess.run([*own, "unmount", "--all"], check=False, capture_output=True)
        shutil.rmtree(folder)
