"""The heartbeat: a file written by the loop itself. `python -m system.consumer.heartbeat` exits 0 while the loop is running, else 1.

The loop keeps running while it is idle and while Redis or the database is down. It stops only if it hangs, and only then does a
restart help.
"""

import contextlib
import math
import sys
import time
from pathlib import Path

from system.errors import SettingsInvalid
from system.settings import ConsumerSettings

MIN_INTERVAL_SECONDS = 0.1
"""Heartbeats in quicker succession are skipped: a busy loop would spend a tenth of its time on the file."""

REPLY_SECONDS = 5.0
"""Time limit for one reply of Redis or the database, in addition to the time a read blocks."""


class Heartbeat:
    """Writes the heartbeat file each time it is called."""

    def __init__(self, path: Path) -> None:
        """Remove the heartbeat of an earlier process.

        Raises:
            SettingsInvalid: the file cannot be written.
        """
        self._path = path
        self._new = path.with_name(path.name + ".new")
        self._last = -math.inf
        try:
            self._write()
            path.unlink()
        except OSError as error:
            raise SettingsInvalid(f"HEARTBEAT_FILE: cannot write the file: {error.strerror}") from None

    def __call__(self) -> None:
        """Write a heartbeat, unless the last one is newer than `MIN_INTERVAL_SECONDS`."""
        now = time.monotonic()
        if now - self._last < MIN_INTERVAL_SECONDS:
            return
        self._last = now
        with contextlib.suppress(OSError):  # a full disk must not stop counting; without a heartbeat the probe fails anyway
            self._write()

    def _write(self) -> None:
        self._new.write_text(f"{time.monotonic()}", encoding="ascii")  # shared by all processes, and never adjusted
        self._new.replace(self._path)  # a reader sees either the new heartbeat or the previous one


def limit(settings: ConsumerSettings) -> float:
    """Return the age in seconds beyond which the loop counts as hung: three times the longest wait between two heartbeats."""
    return 3 * (settings.block_ms / 1000 + REPLY_SECONDS)


def age(path: Path) -> float | None:
    """Return the age of the last heartbeat in seconds, or None if there is no heartbeat."""
    try:
        return time.monotonic() - float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def alive(settings: ConsumerSettings) -> bool:
    """Return whether the loop is running. A negative age means that the heartbeat predates a reboot."""
    seconds = age(settings.heartbeat_file)
    return seconds is not None and 0 <= seconds <= limit(settings)


class ProbeSettings(ConsumerSettings):
    """The consumer's settings with unread URLs: reading them imports both client libraries, every few seconds."""

    redis_url: str = ""
    database_url: str = ""


if __name__ == "__main__":
    try:
        sys.exit(0 if alive(ProbeSettings.read()) else 1)
    except SettingsInvalid as invalid:
        sys.exit(f"heartbeat: {invalid}")
