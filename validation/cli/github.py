"""What a command leaves in GitHub Actions: annotations, and the summary of the step. No other module reads variables of GitHub.

Nothing here changes how a command ends: what cannot be written is said on stderr.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from validation.cli.console import print_message
from validation.core.commands import value_of
from validation.core.settings import PROJECT
from validation.record.events import RunStarted

if TYPE_CHECKING:
    from validation.report.formats.annotations import Annotation


def publish(summary: Callable[[int], str], annotations: Iterable["Annotation"]) -> None:
    """Print annotations if this is GitHub Actions, and append a summary to that of the step if it has one.

    Args:
        summary: returns Markdown in fewer than the given number of bytes.
        annotations: what to show beside the code.
    """
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from validation.report.formats.annotations import commands  # noqa: PLC0415 - `--help` needs no report

        sys.stderr.write("".join(f"{line}\n" for line in commands(annotations)))  # as it is: rich would wrap it and replace emoji
        sys.stderr.flush()
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append(Path(file), summary)


def prefix(started: RunStarted) -> str | None:
    """Return the path of a run's source in the repository, empty or with a slash at its end; None if it is elsewhere."""
    source = Path(value_of(started.flags, "--source") or PROJECT)
    root = Path(os.environ.get("GITHUB_WORKSPACE") or source)
    try:
        path = source.resolve().relative_to(root.resolve()).as_posix()
    except (OSError, ValueError):
        return None
    return "" if path == "." else f"{path}/"


def _append(file: Path, summary: Callable[[int], str]) -> None:
    from validation.report.markdown import BYTES_MAX  # noqa: PLC0415 - `--help` needs no report

    try:
        known = file.stat() if file.exists() else None
        if known and not stat.S_ISREG(known.st_mode):  # writing to a pipe that nobody reads would wait forever
            print_message(f"The summary of the step was not written: {file} is not a file.")
            return
        written = known.st_size if known else 0
        text = summary(BYTES_MAX - written - 2)  # of all that the commands of the step write together
        if not text:
            print_message(f"The summary of the step was not written: {file} is full. GitHub shows at most 1 MiB of a step.")
            return
        with file.open("a", encoding="utf-8") as opened:
            opened.write(f"\n{text}\n" if written else f"{text}\n")
    except (OSError, ValueError) as error:
        print_message(f"The summary of the step was not written: {error}.")
