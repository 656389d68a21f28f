"""An end that somebody asks for: SIGTERM is taken as Ctrl-C, so that the same is cleaned up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def asked_to_end() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGTERM for as long as the block lasts."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
