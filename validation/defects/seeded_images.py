"""Images with a defect in them, which exist only while its checkpoints run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from validation.defects.catalogue import Images
from validation.images import engines
from validation.images.build import build_all
from validation.images.source import PARTS, reference

STORE = threading.Lock()
"""Held by one thread at a time: a build reuses the layers of earlier builds, and fails if they are removed meanwhile."""


@contextmanager
def images(source: Path, unchanged: Path, which: Images, tag: str) -> Iterator[None]:
    """Build images into the engine's store under their own tag; remove them afterwards.

    Raises:
        TargetUnavailable: no engine answers, or the build fails.
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
