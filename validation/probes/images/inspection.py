"""Read a container image from an archive that the engine saves, without running it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from validation.core.errors import NotProven, TargetUnavailable
from validation.images.engines import Engine, answering
from validation.images.source import reference
from validation.probes.images.archive import Blob, open_archive
from validation.probes.images.layers import Entry, Tree, entries
from validation.probes.images.secrets import in_content, in_name

SAVE_SECONDS = 120.0
MB = 1_000_000
KEPT_MAX = 64 << 20
"""Maximum total size of the kept contents, in bytes."""
KEPT = re.compile(
    r"""/.+\.(dist-info/(METADATA|RECORD)|egg-info/PKG-INFO)
      | /var/lib/dpkg/status(\.d/[^/]+)?
      | /usr/share/doc/[^/]+/copyright
      | /(etc|usr/lib)/os-release
      | /app/system/.+\.py""",
    re.VERBOSE,
)
"""Files whose content is kept: package lists, licences, and the modules of the system."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image.

    Attributes:
        digest: digest of its tar archive.
        size: unpacked size, in bytes.
        made_by: the instruction that created it, from the image's history.
        entries: what it adds, and its whiteouts.
    """

    digest: str
    size: int
    made_by: str
    entries: tuple[Entry, ...] = field(repr=False)


@dataclass(frozen=True)
class Image:
    """An image.

    Attributes:
        name: name and tag.
        identity: the image id.
        archive: the file that it was read from.
        user: the user it runs as, as configured.
        env: environment variables, each `NAME=value`.
        labels: its labels.
        entrypoint, command: what it runs.
        ports: exposed ports, such as `8000/tcp`.
        architecture: architecture of its binaries: amd64 or arm64.
        created: creation time, in ISO 8601.
        history: the instructions that created it, including those without a layer.
        layers: the layers, lowest first.
        files: the merged files, by path.
    """

    name: str
    identity: str
    archive: Path
    user: str
    env: tuple[str, ...]
    labels: dict[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    ports: tuple[str, ...]
    architecture: str
    created: str
    history: tuple[str, ...]
    layers: tuple[Layer, ...] = field(repr=False)
    files: dict[str, Entry] = field(repr=False)

    @property
    def megabytes(self) -> float:
        """Unpacked size, in millions of bytes."""
        return sum(layer.size for layer in self.layers) / MB

    @cached_property
    def sizes(self) -> str:
        """Table of the layers and their sizes."""
        return "\n".join(f"{layer.size / MB:8.2f} MB  {layer.made_by[:160]}" for layer in self.layers)


class ImageStore:
    """The images of a run. Each is saved and read once.

    Args:
        folder: where the archives go.
        tag: tag of the images; empty for the released version of each part.
    """

    def __init__(self, folder: Path, tag: str) -> None:
        self._folder, self._tag = folder, tag
        self._images: dict[str, Image] = {}

    def image(self, part: str) -> Image:
        """Return the image of a part.

        Raises:
            NotProven: no engine answers, it does not have the image, or the disk is full.
            ProbeError: the saved archive is not a valid image.
        """
        if part not in self._images:
            name = reference(part, self._tag)
            self._images[part] = read(_save(_engine(name), name, self._folder / f"{part}.tar"), name)
        return self._images[part]


def _engine(name: str) -> Engine:
    try:
        engine = answering()
    except TargetUnavailable as error:
        raise NotProven(f"Cannot read the image {name}: {' '.join(str(error).splitlines())}") from error
    if engine.ask("image", "inspect", name).returncode:
        raise NotProven(f"{engine.name} has no image {name}. Try: make images")
    return engine


def _save(engine: Engine, name: str, file: Path) -> Path:
    form = ("--format", "docker-archive") if engine.name == "podman" else ()
    try:
        engine.run("save", *form, "--output", str(file), name, within=SAVE_SECONDS)
    except TargetUnavailable as error:
        file.unlink(missing_ok=True)
        raise NotProven(f"Cannot read the image {name}: {' '.join(str(error).splitlines())}") from error
    return file


def read(file: Path, name: str) -> Image:
    """Read an image from an archive.

    Raises:
        ProbeError: it is truncated, was changed, or is not an image.
    """
    inspector, tree, layers = _Inspector(), Tree(), []
    with open_archive(file) as archive:
        document: dict[str, Any] = archive.config
        history = [(str(step.get("created_by", "")), bool(step.get("empty_layer"))) for step in document.get("history") or []]
        made = [by for by, empty in history if not empty]
        for number, blob in enumerate(archive.blobs):
            layer = _read_layer(archive.layer, blob, made[number] if len(made) == len(archive.blobs) else "", inspector)
            tree.apply(layer.entries)
            layers.append(layer)
        config: dict[str, Any] = document.get("config") or {}
        return Image(
            name=name,
            identity=archive.identity,
            archive=file,
            user=str(config.get("User") or ""),
            env=_texts(config.get("Env")),
            labels={str(k): str(v) for k, v in (config.get("Labels") or {}).items()},
            entrypoint=_texts(config.get("Entrypoint")),
            command=_texts(config.get("Cmd")),
            ports=_texts(config.get("ExposedPorts")),
            architecture=str(document.get("architecture", "")),
            created=str(document.get("created", "")),
            history=tuple(by for by, _ in history),
            layers=tuple(layers),
            files=tree.files,
        )


def _read_layer(layer: Callable[[Blob, Callable[[IO[bytes]], None]], int], blob: Blob, made_by: str, inspector: "_Inspector") -> Layer:
    found: list[Entry] = []
    size = layer(blob, lambda stream: found.extend(entries(stream, inspector.inspect)))
    return Layer(blob.digest, size, made_by, tuple(found))


class _Inspector:
    """Searches files for secrets, and keeps the contents of `KEPT` up to `KEPT_MAX`."""

    def __init__(self) -> None:
        self._left = KEPT_MAX

    def inspect(self, path: str, content: bytes) -> tuple[tuple[str, ...], bytes]:
        secrets = in_name(path, content) + in_content(content)
        keep = KEPT.fullmatch(path) is not None and len(content) <= self._left
        self._left -= len(content) if keep else 0
        return secrets, content if keep else b""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value or ())
