"""The log lines that the parts of a target wrote since a moment."""

from collections.abc import Mapping
from pathlib import Path

BYTES_MAX = 32_768
"""The end of each log that is kept. What stands before it is counted."""
LOGS_MAX = 12
"""How many logs are kept: those written last."""


def sizes(folder: Path) -> dict[Path, int]:
    """Return the size of each log below the folder of a target, in bytes."""
    return {log: log.stat().st_size for log in folder.glob("*.log")}


def since(folder: Path, before: Mapping[Path, int]) -> str:
    """Return what was added to the logs since they had these sizes, each below its name."""
    grown = [log for log, size in sizes(folder).items() if size > before.get(log, 0)]
    latest = sorted(grown, key=lambda log: log.stat().st_mtime)[-LOGS_MAX:]
    return "\n".join(_added(log, before.get(log, 0)) for log in sorted(latest))


def _added(log: Path, before: int) -> str:
    with log.open("rb") as file:
        added = file.seek(0, 2) - before
        file.seek(-min(added, BYTES_MAX), 2)
        lines = file.read().decode("utf-8", "backslashreplace")
    left_out = f"… ({added - BYTES_MAX} bytes before this)\n" if added > BYTES_MAX else ""
    return f"== {log.stem}\n{left_out}{lines}"
