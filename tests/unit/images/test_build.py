"""Both images, built for real in stores of their own: small, labelled, made of nothing but the pins and the source, and the same twice."""

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

from tests.unit.images.conftest import Shelf, copy_source, own_store
from validation.core import protocol
from validation.images import engines
from validation.images.build import Built, build
from validation.images.engines import Engine
from validation.images.source import DIGEST_LABEL, PARTS, VERSIONS, digest

COLD_SECONDS, WARM_SECONDS = 180, 15
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
    """An image, read from what the engine saves."""

    config: dict[str, object]
    layers: tuple[dict[str, Entry], ...]

    @property
    def own(self) -> dict[str, Entry]:
        """What our two layers hold, path by path."""
        return self.layers[-2] | self.layers[-1]


def save(shelf: Shelf, name: str, to: Path) -> Saved:
    shelf.engine.run("save", "--quiet", "--output", str(to), name)
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
    """One image, built from two copies of one source, in two places, by builders of different habits, in stores that share nothing."""

    source_digest: str
    first: Built
    again: Built
    second: Built
    saved: Saved
    saved_second: Saved


@pytest.fixture(scope="module", params=PARTS)
def twice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, filled_shelf: Shelf) -> Iterator[Twice]:
    part, folder = request.param, tmp_path_factory.mktemp("twice")
    one, two = copy_source(folder / "one"), copy_source(folder / "somewhere" / "else" / "two")
    for path in sorted(two.rglob("*"), reverse=True):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    with own_store() as other, pytest.MonkeyPatch.context() as patch:
        path = os.environ["PATH"]
        patch.setenv("PATH", f"{filled_shelf.path}:{path}")
        first, again = build(filled_shelf.engine, one, part, "twice"), build(filled_shelf.engine, one, part, "twice")
        saved = save(filled_shelf, first.reference, folder / "one.tar")
        patch.setenv("PATH", f"{other.path}:{path}")
        second = build(other.engine, two, part, "twice")
        yield Twice(digest(one), first, again, second, saved, save(other, second.reference, folder / "two.tar"))


def part_of(built: Built) -> str:
    return built.reference.removeprefix("voting-").partition(":")[0]


def test_two_builds_of_one_source_are_one_image(twice: Twice) -> None:
    for one, other in zip(twice.saved.layers, twice.saved_second.layers, strict=True):
        assert sorted(one) == sorted(other)
        assert [path for path in one if one[path] != other[path]] == []
    assert twice.saved.config == twice.saved_second.config
    assert twice.first.digest == twice.second.digest


def test_it_is_fast_from_a_cold_cache_and_faster_from_a_warm_one(twice: Twice) -> None:
    assert max(twice.first.seconds, twice.second.seconds) < COLD_SECONDS
    assert twice.again.seconds < WARM_SECONDS
    assert replace(twice.again, seconds=0) == replace(twice.first, seconds=0)


def test_it_is_small_and_the_sizes_of_its_layers_are_told(twice: Twice) -> None:
    assert twice.first.size < SIZES[part_of(twice.first)] * 1_000_000
    assert len(twice.first.layers) == len(twice.saved.layers)
    assert [layer.made_by.split()[0] for layer in twice.first.layers[-2:]] == ["COPY", "COPY"]


def test_its_labels_say_what_it_is_and_what_it_was_built_from(twice: Twice) -> None:
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


def test_each_file_of_a_package_is_as_its_wheel_recorded_it(twice: Twice) -> None:
    """But for byte code, which is made here, and libraries, which lose their symbols."""
    packages = {path: entry.content for path, entry in twice.saved.own.items() if path.startswith("app/packages/") and entry.content}
    recorded = {}
    for path, content in packages.items():
        if path.endswith(".dist-info/RECORD"):
            rows = csv.reader(content.decode().splitlines())
            recorded |= {f"app/packages/{name}": expected for name, expected, _ in rows}
    libraries = {path for path in packages if ".so" in path}
    code = {path for path in packages if path.endswith(".pyc")}
    assert libraries <= recorded.keys()
    assert {path.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py") for path in code} <= recorded.keys()
    for path in packages.keys() - libraries - code:
        hashed = base64.urlsafe_b64encode(hashlib.sha256(packages[path]).digest()).rstrip(b"=").decode()
        assert recorded[path] in {f"sha256={hashed}", ""}, path


def test_nothing_that_does_not_run_is_in_it_and_nobody_but_root_may_write(twice: Twice) -> None:
    own = twice.saved.own
    parts = {part for path in own for part in path.split("/")}
    assert not parts & {"tests", "test", "testing", "bin", "include", "requirements.txt", "slim.py"}
    assert not [path for path in own if path.endswith((".pyi", ".pyx", ".c", ".h", "Dockerfile"))]
    assert {entry.owner for entry in own.values()} == {(0, 0)}
    assert {entry.mode & 0o7777 for entry in own.values()} == {0o755, 0o644}
    assert {entry.time for entry in own.values()} == {0}


def test_another_source_changes_the_label_and_the_layer_of_the_source_alone(twice: Twice, shelf: Shelf, source: Path) -> None:
    part = part_of(twice.first)
    (source / "system" / "errors.py").write_text((source / "system" / "errors.py").read_text() + "\n# changed\n")
    other = build(shelf.engine, source, part, "other")
    layers, labels = (
        json.loads(shelf.engine.run("image", "inspect", "--format", f"{{{{json .{what}}}}}", other.reference))
        for what in ("RootFS.Layers", "Config.Labels")
    )
    rootfs = twice.saved.config["rootfs"]
    assert isinstance(rootfs, dict)
    assert layers[:-1] == rootfs["diff_ids"][:-1]
    assert layers[-1] != rootfs["diff_ids"][-1]
    assert labels[DIGEST_LABEL] == other.source_digest != twice.source_digest
    assert other.seconds < WARM_SECONDS


def test_a_file_that_this_image_does_not_hold_changes_its_label_all_the_same(twice: Twice, shelf: Shelf, source: Path) -> None:
    """podman alone would take the label from its cache."""
    (source / "system" / "images" / "notes").write_text("of no image\n")
    other = build(shelf.engine, source, part_of(twice.first), "label")
    told = shelf.engine.run("image", "inspect", "--format", f'{{{{index .Config.Labels "{DIGEST_LABEL}"}}}}', other.reference)
    assert told == digest(source)


def test_buildah_makes_the_same_image_and_tells_the_same_of_it(twice: Twice, shelf: Shelf, source: Path) -> None:
    good, why = engines.answers("buildah")
    if not good:
        pytest.skip(f"only a real buildah can show this: {why}")
    made = build(Engine("buildah"), source, part_of(twice.first), "buildah")
    assert made.digest == twice.first.digest
    assert [layer.made_by for layer in made.layers] == [layer.made_by for layer in twice.first.layers]
    assert shelf.engine.run("image", "inspect", "--format", "{{.Id}}", made.reference) == made.digest.removeprefix("sha256:")
