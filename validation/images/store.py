"""Read an engine's image store: the layers of an image, and what a failed build would leave behind."""

import json
from dataclasses import dataclass
from typing import Any

from validation.images.engines import Engine

PART_LABEL = "votecheck.part"
"""Label on every layer that a build of the project makes, from its first instruction on."""
KEEPERS = ("podman", "buildah")
"""Engines that keep each build step in their shared store. BuildKit's cache is not listed as images."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image.

    Attributes:
        size: unpacked size of its archive, as the engine formats it.
        made_by: the instruction that created it.
    """

    size: str
    made_by: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store holds: images of the project, named or not, and build containers."""

    images: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()


def snapshot(engine: Engine) -> Contents:
    """List what is in the store."""
    if engine.name not in KEEPERS:
        return Contents()
    return Contents(frozenset(_images(engine)), frozenset(container for container, _, _ in _containers(engine)))


def sweep(engine: Engine, before: Contents, bases: tuple[str, ...]) -> None:
    """Remove what a build left since the snapshot `before`: its layers, and containers made from them or from its bases."""
    if engine.name not in KEEPERS:
        return
    ours = _images(engine)  # a build may have continued from layers of an earlier one
    for container, image, name in _containers(engine):
        if container not in before.containers and (image in ours or name.endswith(bases)):
            engine.ask("rm", *(["--force"] if engine.name == "podman" else []), container)
    images = ours - before.images
    while images:
        engine.ask("rmi", *sorted(images))  # an image that others are based on can be removed once they are gone
        left = _images(engine) & images
        if left == images:
            return
        images = left


def describe(engine: Engine, name: str) -> tuple[str, int, tuple[Layer, ...]]:
    """Return an image's digest, its size in bytes, and its layers, lowest first."""
    if engine.name == "buildah":
        described: dict[str, Any] = json.loads(engine.run("inspect", "--type", "image", name))
        sizes = [int(layer["size"]) for layer in json.loads(described["Manifest"])["layers"]]
        made = [str(step.get("created_by")) for step in described["OCIv1"]["history"] if not step.get("empty_layer")]
        layers = [Layer(f"{size / 1e6:.3g} MB", _short(by)) for size, by in zip(sizes, made, strict=False)]
        return f"sha256:{described['FromImageID']}", sum(sizes), tuple(layers)
    identity, _, size = engine.run("image", "inspect", "--format", "{{.Id}} {{.Size}}", name).partition(" ")
    steps = engine.run("history", "--no-trunc", "--format", "{{.Size}}\t{{.CreatedBy}}", name).splitlines()
    rows = [step.partition("\t") for step in reversed(steps) if "\t" in step]
    layers = [Layer(size, _short(by)) for size, _, by in rows if not size.startswith("0")]
    return f"sha256:{identity.removeprefix('sha256:')}", int(size), tuple(layers)


def _short(made_by: str) -> str:
    return " ".join(made_by.removeprefix("/bin/sh -c ").removeprefix("#(nop) ").split())


def _images(engine: Engine) -> set[str]:
    listed = engine.ask("images", "--all", "--quiet", "--no-trunc", "--filter", f"label={PART_LABEL}").stdout.split()
    return {one.removeprefix("sha256:") for one in listed}


def _containers(engine: Engine) -> list[tuple[str, str, str]]:
    """List the build containers: container id, image id, image name."""
    if engine.name == "buildah":
        asked = engine.ask("containers", "--noheading", "--notruncate", "--format", "{{.ContainerID}} {{.ImageID}} {{.ImageName}} storage")
    else:
        asked = engine.ask("ps", "--all", "--external", "--no-trunc", "--format", "{{.ID}} {{.ImageID}} {{.Image}} {{.State}}")
    rows = [line.split(" ") for line in asked.stdout.splitlines()]
    return [(row[0], row[1], row[2]) for row in rows if row[-1].lower() == "storage"]
