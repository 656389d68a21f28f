"""Build the images with a container engine. A failed build leaves nothing in the engine's store."""

import fcntl
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from validation.images import engines, store
from validation.images.engines import Engine
from validation.images.source import PARTS, VERSIONS, digest, dockerfile, reference, revision
from validation.images.store import Layer

BUILD_SECONDS = 900.0
"""A build from a cold cache takes 30 s on 2 cores with a fast network. The rest is allowance for a slow one."""
ENDS_SECONDS = 20.0
"""Seconds that an engine may take to fail and clean up once the processes in its build containers are gone."""
LAST_LINES = 12
NO_COMMAND, TOO_LONG = 127, 124
STEP_LENGTH, LINE_LENGTH = 40, 130


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build.

    Attributes:
        reference: name and tag.
        engine: the engine that built it.
        seconds: duration of the build.
        digest: digest of the image.
        source_digest: digest of the source folder, as on the image's label.
        size: unpacked size in bytes, base image included.
        layers: the layers, lowest first.
    """

    reference: str
    engine: str
    seconds: float
    digest: str
    source_digest: str
    size: int
    layers: tuple[Layer, ...]


def build(engine: Engine, source: Path, part: str, tag: str = "") -> Built:
    """Build one image. Concurrent builds take turns, so that the second can reuse the layers of the first.

    Args:
        engine: one of `engines.BUILDERS`.
        source: root of the project, or of a copy.
        part: a key of `FOLDERS`.
        tag: the tag (default: the released version of the part).

    Raises:
        TargetUnavailable: the build failed. The message names the step and quotes its last output.
    """
    name = reference(part, tag)
    with _exclusive():
        before = store.snapshot(engine)
        started = time.monotonic()
        good = False
        try:
            code, output = _run(command(engine, source, part, name), BUILD_SECONDS)
            good = code == 0
        finally:
            if not good:
                store.sweep(engine, before, _bases(source, part))
        if not good:
            raise engines.failure(f"{engine.name}: the build of {name} at {_failed_step(output)}", _last_output(output, code))
        image, size, layers = store.describe(engine, name)
        return Built(name, engine.name, time.monotonic() - started, image, digest(source, part), size, layers)


def command(engine: Engine, source: Path, part: str, name: str) -> list[str]:
    """Return the command line that builds an image reproducibly: the same source gives the same image."""
    arguments = {"VERSION": VERSIONS[part], "REVISION": revision(source, part), "SOURCE_DIGEST": digest(source, part)}
    file = dockerfile(source, part)
    if engine.name == "docker":
        arguments["SOURCE_DATE_EPOCH"] = "0"  # BuildKit's name for the creation time of the image
        own = ["--progress", "plain"]
    else:
        own = ["--timestamp", "0", "--identity-label=false", "--layers", "--ignorefile", f"{file}.dockerignore"]
    passed = [word for name_, value in arguments.items() for word in ("--build-arg", f"{name_}={value}")]
    return [engine.name, "build", *own, *passed, "--file", str(file), "--tag", name, str(source)]


def build_all(engine: Engine, source: Path, tag: str = "") -> Iterator[Built]:
    """Build both images, one after the other.

    Raises:
        TargetUnavailable: a build failed.
    """
    for part in PARTS:
        yield build(engine, source, part, tag)


def build_missing(engine: Engine, source: Path, tag: str = "") -> None:
    """Build each image that the engine does not have yet.

    Raises:
        TargetUnavailable: a build failed.
    """
    for part in PARTS:
        if engine.ask("image", "inspect", reference(part, tag)).returncode:
            build(engine, source, part, tag)


@contextmanager
def _exclusive() -> Iterator[None]:
    """Lock out other builds of this user, so that everything new in the store belongs to this build."""
    path = Path(tempfile.gettempdir()) / f"votecheck-build-{os.getuid()}.lock"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+") as file:
        os.fchmod(file.fileno(), 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(words: Sequence[str], within: float) -> tuple[int, str]:
    """Run a command and return its exit code and output. A time-out or Ctrl-C ends every process it started."""
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as output:
        try:
            child = psutil.Popen(
                words, env=engines.environment("build"), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        except OSError as gone:
            return NO_COMMAND, str(gone)
        try:
            code = child.wait(within)
        except psutil.TimeoutExpired:
            code = TOO_LONG  # an engine that is stopped may exit with 0
        finally:
            _stop(child)
        output.seek(0)
        return code, output.read()


def _stop(child: psutil.Popen) -> None:
    """Stop a build: first the processes in its containers, since the engine only fails and cleans up once they are gone."""
    if _kill_contained(child):
        with suppress(psutil.TimeoutExpired):
            child.wait(ENDS_SECONDS)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.is_running():
            os.killpg(child.pid, number)
            with suppress(psutil.TimeoutExpired):
                child.wait(ENDS_SECONDS / 4)


def _kill_contained(child: psutil.Popen) -> bool:
    ended = False
    with suppress(psutil.NoSuchProcess):
        for process in child.children(recursive=True):
            with suppress(OSError, psutil.NoSuchProcess):
                if Path(f"/proc/{process.pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink():
                    process.kill()
                    ended = True
    return ended


def _bases(source: Path, part: str) -> tuple[str, ...]:
    return tuple(re.findall(r"^FROM (\S+)", dockerfile(source, part).read_text(encoding="utf-8"), re.MULTILINE))


def _failed_step(output: str) -> str:
    """Return the step that failed: the last one started, in the format of podman or BuildKit."""
    steps = re.findall(r"STEP (\d+/\d+: .+)|^#\d+ \[(?:\S+ )?(\d+/\d+\] .+)", output, re.MULTILINE)
    step = next(filter(None, steps[-1])).replace("]", ":", 1) if steps else "1"
    return "step " + (step if len(step) <= STEP_LENGTH else f"{step[:STEP_LENGTH]}…")


def _last_output(output: str, code: int) -> str:
    """Return the last output of the failing step, without the step itself and quoted Dockerfile lines."""
    kept = [line for line in output.splitlines() if line.strip("- ") and not re.match(r"\s*\d+ \| |-->|\[\d+/\d+\] |STEP ", line)]
    if code == TOO_LONG:
        kept.append(f"timed out after {BUILD_SECONDS:.0f} s")
    shorter = (re.sub(r'( at STEP ").*(": )', r"\1…\2", line).strip() for line in kept[-LAST_LINES:])
    return "\n".join(line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]}…" for line in shorter)
