"""Images with a defect in them, for as long as it takes to see it caught."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from validation.images import engines
from validation.images.build import build_all
from validation.images.source import PARTS, reference

STORE = threading.Lock()
"""One at a time: a build takes layers of earlier ones, and fails where they are removed in that moment."""


class Images(StrEnum):
    """Which images a planted source is judged with."""

    NONE = ""
    BUILT = "built"
    """Those that it makes."""
    STALE = "stale"
    """Those that the unchanged source makes."""
    MOVED = "moved"
    """Those that it makes, with the consumer's tag on the API's image."""


@contextmanager
def images(source: Path, unchanged: Path, which: Images, tag: str) -> Iterator[None]:
    """Put images into the engine's store under a tag of their own; they are removed afterwards.

    Raises:
        TargetUnavailable: no engine answers, or they cannot be built.
    """
    if which is Images.NONE:
        yield
        return
    engine = engines.answering()
    try:
        with STORE:
            for _ in build_all(engine, unchanged if which is Images.STALE else source, tag):
                pass
            if which is Images.MOVED:
                engine.run("tag", reference("api", tag), reference("consumer", tag))
        yield
    finally:
        with STORE:
            engine.ask("image", "rm", "--force", *(reference(part, tag) for part in PARTS))
