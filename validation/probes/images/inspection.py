"""Reads a container image without running it, from an archive that the engine saves."""

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
KEPT = re.compile(
    r"""/.+\.(dist-info/(METADATA|RECORD)|egg-info/PKG-INFO)
      | /var/lib/dpkg/status(\.d/[^/]+)?
      | /usr/share/doc/[^/]+/copyright
      | /(etc|usr/lib)/os-release""",
    re.VERBOSE,
)
"""Files whose content is kept: of what the image is made, and under which licences."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image.

    Attributes:
        digest: of its tar archive.
        size: of it, unpacked, in bytes.
        made_by: the instruction that made it, as the image's history tells.
        entries: what it adds and takes away.
    """

    digest: str
    size: int
    made_by: str
    entries: tuple[Entry, ...] = field(repr=False)


@dataclass(frozen=True)
class Image:
    """An image as it would run.

    Attributes:
        name: name and tag.
        identity: its id.
        archive: the file that it was read from.
        user: the user it runs as, as it is written there.
        env: its environment, each `NAME=value`.
        labels: its labels.
        entrypoint, command: what it runs.
        ports: what it exposes: `8000/tcp`.
        architecture: of its binaries: amd64, arm64.
        created: when it was made, as ISO 8601.
        history: the instructions that made it, also those that made no layer.
        layers: the lowest first.
        files: all that is there, path by path.
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
        """Its size, unpacked, in millions of bytes."""
        return sum(layer.size for layer in self.layers) / MB

    @cached_property
    def sizes(self) -> str:
        """The size of each layer, for people."""
        return "\n".join(f"{layer.size / MB:8.2f} MB  {layer.made_by[:160]}" for layer in self.layers)


class ImageStore:
    """The images of a run, each saved and read once.

    Args:
        folder: gets the archives.
        tag: of the images; empty for each part's released version.
    """

    def __init__(self, folder: Path, tag: str) -> None:
        self._folder, self._tag = folder, tag
        self._images: dict[str, Image] = {}

    def image(self, part: str) -> Image:
        """Give the image of a part.

        Raises:
            NotProven: no engine answers, it has no such image, or there is no room to save it.
            ProbeError: what it saves is no image.
        """
        if part not in self._images:
            name = reference(part, self._tag)
            self._images[part] = read(_save(_engine(name), name, self._folder / f"{part}.tar"), name)
        return self._images[part]


def _engine(name: str) -> Engine:
    try:
        engine = answering()
    except TargetUnavailable as error:
        raise NotProven(f"The image {name} cannot be looked at: {' '.join(str(error).splitlines())}") from error
    if engine.ask("image", "inspect", name).returncode:
        raise NotProven(f"{engine.name} has no image {name}. Try: make images")
    return engine


def _save(engine: Engine, name: str, file: Path) -> Path:
    form = ("--format", "docker-archive") if engine.name == "podman" else ()
    try:
        engine.run("save", *form, "--output", str(file), name, within=SAVE_SECONDS)
    except TargetUnavailable as error:
        file.unlink(missing_ok=True)
        raise NotProven(f"The image {name} cannot be looked at: {' '.join(str(error).splitlines())}") from error
    return file


def read(file: Path, name: str) -> Image:
    """Read an image from an archive.

    Raises:
        ProbeError: it is cut off, was changed, or is no image.
    """
    kept, tree, layers = _Kept(), Tree(), []
    with open_archive(file) as archive:
        told: dict[str, Any] = archive.config
        history = [(str(step.get("created_by", "")), bool(step.get("empty_layer"))) for step in told.get("history") or []]
        made = [by for by, empty in history if not empty]
        for number, blob in enumerate(archive.blobs):
            layer = _read_layer(archive.layer, blob, made[number] if len(made) == len(archive.blobs) else "", kept)
            tree.lay(layer.entries)
            layers.append(layer)
        config: dict[str, Any] = told.get("config") or {}
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
            architecture=str(told.get("architecture", "")),
            created=str(told.get("created", "")),
            history=tuple(by for by, _ in history),
            layers=tuple(layers),
            files=tree.files,
        )


def _read_layer(layer: Callable[[Blob, Callable[[IO[bytes]], None]], int], blob: Blob, made_by: str, kept: "_Kept") -> Layer:
    found: list[Entry] = []
    size = layer(blob, lambda stream: found.extend(entries(stream, kept.look)))
    return Layer(blob.digest, size, made_by, tuple(found))


class _Kept:
    """Looks into files, and keeps what is asked for within bounds."""

    def __init__(self) -> None:
        self._left = KEPT_MAX

    def look(self, path: str, content: bytes) -> tuple[tuple[str, ...], bytes]:
        signs = in_name(path, content) + in_content(content)
        keep = KEPT.fullmatch(path) is not None and len(content) <= self._left
        self._left -= len(content) if keep else 0
        return signs, content if keep else b""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value or ())
