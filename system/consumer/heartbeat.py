"""The heartbeat: a file that the loop itself touches. `python -m system.consumer.heartbeat` exits 0 while the loop turns, else 1.

The loop turns while it is idle and while Redis or the database is down; it does not when it hangs, and no restart helps but then.
"""

import contextlib
import math
import sys
import time
from pathlib import Path

from system.errors import SettingsInvalid
from system.settings import ConsumerSettings

EVERY_SECONDS = 0.1
"""Beats that follow one another faster are one: a busy loop would spend a tenth of its time on the file."""

REPLY_SECONDS = 5.0
"""How long one answer of Redis or the database may take, beyond the time a read blocks."""


class Heartbeat:
    """Writes the heartbeat. Calling it is one beat."""

    def __init__(self, path: Path) -> None:
        """Start without a beat: the file of an earlier process is no sign of life.

        Raises:
            SettingsInvalid: there can be no such file.
        """
        self._path = path
        self._new = path.with_name(path.name + ".new")
        self._last = -math.inf
        try:
            self._write()
            path.unlink()
        except OSError as error:
            raise SettingsInvalid(f"HEARTBEAT_FILE: cannot be written: {error.strerror}") from None

    def __call__(self) -> None:
        """Beat once."""
        now = time.monotonic()
        if now - self._last < EVERY_SECONDS:
            return
        self._last = now
        with contextlib.suppress(OSError):  # a full disk must not stop the counting; without a beat the probe turns red by itself
            self._write()

    def _write(self) -> None:
        self._new.write_text(f"{time.monotonic()}", encoding="ascii")  # this clock is the machine's, and nobody sets it
        self._new.replace(self._path)  # a reader sees a whole beat or the one before


def limit(settings: ConsumerSettings) -> float:
    """Give the age in seconds at which a beat means that the loop hangs: three times the longest wait between two."""
    return 3 * (settings.block_ms / 1000 + REPLY_SECONDS)


def age(path: Path) -> float | None:
    """Give the age of the last beat in seconds; none if there is no beat."""
    try:
        return time.monotonic() - float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def alive(settings: ConsumerSettings) -> bool:
    """Tell whether the loop turns. A beat from the future is one from before the machine was started again."""
    seconds = age(settings.heartbeat_file)
    return seconds is not None and 0 <= seconds <= limit(settings)


if __name__ == "__main__":
    try:
        sys.exit(0 if alive(ConsumerSettings.read()) else 1)
    except SettingsInvalid as invalid:
        sys.exit(f"heartbeat: {invalid}")
