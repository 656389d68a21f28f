"""Build both images in private stores: they are small, labelled, reproducible, and contain only the pins and the source."""

import base64
import csv
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.unit.images.conftest import PrivateStore, copy_source, private_store
from validation.core import protocol
from validation.images import engines
from validation.images.build import Built, build
from validation.images.engines import Engine
from validation.images.source import DIGEST_LABEL, PARTS, VERSIONS, digest

COLD_SECONDS, WARM_SECONDS = 180, 60
SIZES = {"api": protocol.API_IMAGE_MB, "consumer": protocol.CONSUMER_IMAGE_MB}
USERS = {"api": protocol.API_UID, "consumer": protocol.CONSUMER_UID}


@dataclass(frozen=True)
class Entry:
    kind: bytes
    mode: int
    owner: tuple[int, int]
    link: str
    time: float
    content: bytes


@dataclass(frozen=True)
class Saved:
    """An image, read from the archive that the engine saves."""

    config: dict[str, object]
    layers: tuple[dict[str, Entry], ...]

    @property
    def own(self) -> dict[str, Entry]:
        """Entries of the two layers above the base image, by path."""
        return self.layers[-2] | self.layers[-1]


def save(store: PrivateStore, name: str, to: Path) -> Saved:
    store.engine.run("save", "--quiet", "--output", str(to), name)
    with tarfile.open(to) as archive:

        def member(path: str) -> bytes:
            file = archive.extractfile(path)
            assert file
            return file.read()

        (manifest,) = json.loads(member("manifest.json"))
        layers = tuple(dict(entries(member(layer))) for layer in manifest["Layers"])
        return Saved(json.loads(member(manifest["Config"])), layers)


def entries(layer: bytes) -> Iterator[tuple[str, Entry]]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for one in archive:
            file = archive.extractfile(one) if one.isreg() else None
            content = file.read() if file else b""
            yield one.name.strip("/"), Entry(one.type, one.mode, (one.uid, one.gid), one.linkname, one.mtime, content)


@dataclass(frozen=True)
class Twice:
    """One image, built from two copies of one source with different paths, modes and times, in two separate stores."""

    source_digest: str
    first: Built
    again: Built
    second: Built
    saved: Saved
    saved_second: Saved


@pytest.fixture(scope="module", params=PARTS)
def twice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, session_store: PrivateStore) -> Iterator[Twice]:
    part, folder = request.param, tmp_path_factory.mktemp("twice")
    one, two = copy_source(folder / "one"), copy_source(folder / "somewhere" / "else" / "two")
    for path in sorted(two.rglob("*"), reverse=True):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    with private_store() as other, pytest.MonkeyPatch.context() as patch:
        path = os.environ["PATH"]
        patch.setenv("PATH", f"{session_store.path}:{path}")
        first, again = build(session_store.engine, one, part, "twice"), build(session_store.engine, one, part, "twice")
        saved = save(session_store, first.reference, folder / "one.tar")
        patch.setenv("PATH", f"{other.path}:{path}")
        second = build(other.engine, two, part, "twice")
        yield Twice(digest(one), first, again, second, saved, save(other, second.reference, folder / "two.tar"))


def part_of(built: Built) -> str:
    return built.reference.removeprefix("voting-").partition(":")[0]


def test_two_builds_of_one_source_give_the_same_image(twice: Twice) -> None:
    for one, other in zip(twice.saved.layers, twice.saved_second.layers, strict=True):
        assert sorted(one) == sorted(other)
        assert [path for path in one if one[path] != other[path]] == []
    assert twice.saved.config == twice.saved_second.config
    assert twice.first.digest == twice.second.digest


def test_a_build_is_fast_and_faster_from_a_warm_cache(twice: Twice) -> None:
    assert max(twice.first.seconds, twice.second.seconds) < COLD_SECONDS
    assert twice.again.seconds < WARM_SECONDS
    assert replace(twice.again, seconds=0) == replace(twice.first, seconds=0)


def test_the_image_is_small_and_its_layers_are_listed(twice: Twice) -> None:
    assert twice.first.size < SIZES[part_of(twice.first)] * 1_000_000
    assert len(twice.first.layers) == len(twice.saved.layers)
    assert [layer.made_by.split()[0] for layer in twice.first.layers[-2:]] == ["COPY", "COPY"]


def test_the_labels_state_name_version_revision_and_source(twice: Twice) -> None:
    config = twice.saved.config["config"]
    assert isinstance(config, dict)
    part = part_of(twice.first)
    labels = {
        "org.opencontainers.image.title": f"voting-{part}",
        "org.opencontainers.image.version": VERSIONS[part],
        "org.opencontainers.image.revision": "unknown",
        "org.opencontainers.image.licenses": "Apache-2.0",
        DIGEST_LABEL: twice.source_digest,
    }
    assert labels.items() <= config["Labels"].items()
    assert config["User"] == f"{USERS[part]}:{USERS[part]}"
    assert twice.first.source_digest == twice.source_digest
    built_from = f"voting-{part} {VERSIONS[part]}, revision unknown, source {twice.source_digest}\n"
    assert twice.saved.own["app/built-from"].content.decode() == built_from


def test_the_files_of_packages_match_their_wheels(twice: Twice) -> None:
    """Except byte code, which the build compiles, and libraries, which it strips."""
    packages = {path: entry.content for path, entry in twice.saved.own.items() if path.startswith("app/packages/") and entry.content}
    recorded = {}
    for path, content in packages.items():
        if path.endswith(".dist-info/RECORD"):
            rows = csv.reader(content.decode().splitlines())
            recorded |= {f"app/packages/{name}": expected for name, expected, _ in rows}
    libraries = {path for path in packages if ".so" in path}
    compiled = {path for path in packages if path.endswith(".pyc")}
    assert libraries <= recorded.keys()
    assert {path.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py") for path in compiled} <= recorded.keys()
    for path in packages.keys() - libraries - compiled:
        hashed = base64.urlsafe_b64encode(hashlib.sha256(packages[path]).digest()).rstrip(b"=").decode()
        assert recorded[path] in {f"sha256={hashed}", ""}, path


def test_the_image_contains_only_what_runs_and_only_root_may_write(twice: Twice) -> None:
    own = twice.saved.own
    parts = {part for path in own for part in path.split("/")}
    assert not parts & {"tests", "test", "testing", "bin", "include", "requirements.txt", "slim.py"}
    assert not [path for path in own if path.endswith((".pyi", ".pyx", ".c", ".h", "Dockerfile"))]
    assert {entry.owner for entry in own.values()} == {(0, 0)}
    assert {entry.mode & 0o7777 for entry in own.values()} == {0o755, 0o644}
    assert {entry.time for entry in own.values()} == {0}


def test_a_changed_source_changes_only_its_layer_and_label(twice: Twice, podman: PrivateStore, source: Path) -> None:
    part = part_of(twice.first)
    (source / "system" / "errors.py").write_text((source / "system" / "errors.py").read_text() + "\n# changed\n")
    other = build(podman.engine, source, part, "other")
    layers, labels = (
        json.loads(podman.engine.run("image", "inspect", "--format", f"{{{{json .{what}}}}}", other.reference))
        for what in ("RootFS.Layers", "Config.Labels")
    )
    rootfs = twice.saved.config["rootfs"]
    assert isinstance(rootfs, dict)
    assert layers[:-1] == rootfs["diff_ids"][:-1]
    assert layers[-1] != rootfs["diff_ids"][-1]
    assert labels[DIGEST_LABEL] == other.source_digest != twice.source_digest
    assert other.seconds < WARM_SECONDS


def test_a_file_outside_the_image_still_changes_the_label(twice: Twice, podman: PrivateStore, source: Path) -> None:
    """podman by itself would take the label from its cache."""
    (source / "system" / "images" / "notes").write_text("in no image\n")
    other = build(podman.engine, source, part_of(twice.first), "label")
    label = podman.engine.run("image", "inspect", "--format", f'{{{{index .Config.Labels "{DIGEST_LABEL}"}}}}', other.reference)
    assert label == digest(source)


def test_buildah_builds_the_same_image_and_reports_the_same_layers(twice: Twice, podman: PrivateStore, source: Path) -> None:
    good, why = engines.answers("buildah")
    if not good:
        pytest.skip(f"needs a real buildah: {why}")
    built = build(Engine("buildah"), source, part_of(twice.first), "buildah")
    assert built.digest == twice.first.digest
    assert [layer.made_by for layer in built.layers] == [layer.made_by for layer in twice.first.layers]
    assert podman.engine.run("image", "inspect", "--format", "{{.Id}}", built.reference) == built.digest.removeprefix("sha256:")
