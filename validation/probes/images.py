"""Reads a container image from the engine's store, without running it."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from validation.errors import NotProven

ENGINES = ("podman", "docker")
NAMES = {"api": "voting-api", "consumer": "voting-consumer"}
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Image:
    """What an engine says of an image.

    Attributes:
        name: name and tag.
        megabytes: its size, in millions of bytes.
        user: the user it runs as.
        labels: its labels.
    """

    name: str
    megabytes: float
    user: str
    labels: dict[str, str]


def inspect(part: str, tag: str) -> Image:
    """Look an image up.

    Raises:
        NotProven: no engine answers, or none has the image.
    """
    name = f"{NAMES[part]}:{tag}"
    said = []
    for engine in ENGINES:
        if shutil.which(engine) is None:
            said.append(f"{engine}: not installed")
            continue
        answer = _run(engine, "image", "inspect", name)
        if answer.returncode == 0:
            found: dict[str, Any] = json.loads(answer.stdout)[0]
            config = found.get("Config") or {}
            return Image(name, int(found["Size"]) / 1e6, str(config.get("User", "")), dict(config.get("Labels") or {}))
        said.append(f"{engine}: {(answer.stderr.strip() or 'no answer').splitlines()[-1][:120]}")
    raise NotProven(f"The image {name} cannot be looked at ({'; '.join(said)}). Next: votecheck doctor")


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603 - one of ENGINES
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
