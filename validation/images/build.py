"""Builds the images from a source, with the container engine that answers. A build that fails leaves nothing in the engine's store."""

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
"""From a cold cache it takes half a minute on 2 cores with a fast network; the rest is for a slow one."""
ENDS_SECONDS = 20.0
"""How long an engine may take to fail and to clear up, once what it runs was ended."""
LAST_LINES = 12
NO_COMMAND, TOO_LONG = 127, 124
STEP_LENGTH, LINE_LENGTH = 40, 130


@dataclass(frozen=True, slots=True)
class Built:
    """An image that was built.

    Attributes:
        reference: name and tag.
        engine: what built it.
        seconds: how long that took.
        digest: the image's own.
        source_digest: of what it was built from; it is on its label, too.
        size: unpacked, in bytes, with what it is based on.
        layers: the lowest first.
    """

    reference: str
    engine: str
    seconds: float
    digest: str
    source_digest: str
    size: int
    layers: tuple[Layer, ...]


def build(engine: Engine, source: Path, part: str, tag: str = "") -> Built:
    """Build one image; two at once wait for each other, and the second finds the first one's layers.

    Args:
        engine: what builds it: one of `engines.BUILDERS`.
        source: the folder of the project, or of a copy.
        part: one of `FOLDERS`.
        tag: its tag; without one it is the part's released version.

    Raises:
        TargetUnavailable: it cannot be built; with the step that failed and what that said last.
    """
    name = reference(part, tag)
    with _alone():
        before = store.look(engine)
        started = time.monotonic()
        good = False
        try:
            code, said = _carry_out(command(engine, source, part, name), BUILD_SECONDS)
            good = code == 0
        finally:
            if not good:
                store.sweep(engine, before, _bases(source, part))
        if not good:
            raise engines.failure(f"{engine.name}: the build of {name} at {_step(said)}", _last_words(said, code))
        image, size, layers = store.describe(engine, name)
        return Built(name, engine.name, time.monotonic() - started, image, digest(source, part), size, layers)


def command(engine: Engine, source: Path, part: str, name: str) -> list[str]:
    """Give the command line that builds an image: the same source gives the same image, wherever and whenever."""
    arguments = {"VERSION": VERSIONS[part], "REVISION": revision(source, part), "SOURCE_DIGEST": digest(source, part)}
    file = dockerfile(source, part)
    if engine.name == "docker":
        arguments["SOURCE_DATE_EPOCH"] = "0"  # BuildKit's word for the time that the image says it was made at
        own = ["--progress", "plain"]
    else:
        own = ["--timestamp", "0", "--identity-label=false", "--layers", "--ignorefile", f"{file}.dockerignore"]
    passed = [word for name_, value in arguments.items() for word in ("--build-arg", f"{name_}={value}")]
    return [engine.name, "build", *own, *passed, "--file", str(file), "--tag", name, str(source)]


def build_all(engine: Engine, source: Path, tag: str = "") -> Iterator[Built]:
    """Build both images, one after the other.

    Raises:
        TargetUnavailable: one cannot be built.
    """
    for part in PARTS:
        yield build(engine, source, part, tag)


def build_missing(engine: Engine, source: Path, tag: str = "") -> None:
    """Build those of the images that the engine does not have.

    Raises:
        TargetUnavailable: one cannot be built.
    """
    for part in PARTS:
        if engine.ask("image", "inspect", reference(part, tag)).returncode:
            build(engine, source, part, tag)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold other builds of this user off: what appears in the store meanwhile is this build's."""
    path = Path(tempfile.gettempdir()) / f"votecheck-build-{os.getuid()}.lock"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _carry_out(words: Sequence[str], within: float) -> tuple[int, str]:
    """Run a command; give its exit code and all it said. Whatever ends this, be it time or Ctrl-C, ends all that was started."""
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as said:
        try:
            child = psutil.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as gone:
            return NO_COMMAND, str(gone)
        try:
            code = child.wait(within)
        except psutil.TimeoutExpired:
            code = TOO_LONG  # what an engine ends with when it is stopped may be 0
        finally:
            _end(child)
        said.seek(0)
        return code, said.read()


def _end(child: psutil.Popen) -> None:
    """End a build. First what runs in its containers: the engine does not end that, but fails and clears up when it has ended."""
    if _end_contained(child):
        with suppress(psutil.TimeoutExpired):
            child.wait(ENDS_SECONDS)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.is_running():
            os.killpg(child.pid, number)
            with suppress(psutil.TimeoutExpired):
                child.wait(ENDS_SECONDS / 4)


def _end_contained(child: psutil.Popen) -> bool:
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


def _step(said: str) -> str:
    """Name the step that failed: the last one that was begun, in podman's words or in BuildKit's."""
    steps = re.findall(r"STEP (\d+/\d+: .+)|^#\d+ \[(?:\S+ )?(\d+/\d+\] .+)", said, re.MULTILINE)
    step = next(filter(None, steps[-1])).replace("]", ":", 1) if steps else "1"
    return "step " + (step if len(step) <= STEP_LENGTH else f"{step[:STEP_LENGTH]}…")


def _last_words(said: str, code: int) -> str:
    """Shorten what a build said to what its failing step said last, without the step's own text and the file's lines."""
    kept = [line for line in said.splitlines() if line.strip("- ") and not re.match(r"\s*\d+ \| |-->|\[\d+/\d+\] |STEP ", line)]
    if code == TOO_LONG:
        kept.append(f"no end within {BUILD_SECONDS:.0f} s")
    shorter = (re.sub(r'( at STEP ").*(": )', r"\1…\2", line).strip() for line in kept[-LAST_LINES:])
    return "\n".join(line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]}…" for line in shorter)
