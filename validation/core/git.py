"""What git knows of a folder."""

import os
import subprocess
from pathlib import Path

ASK_SECONDS = 60


def git(folder: Path, *words: str) -> str | None:
    """Ask git about a folder. None: it refuses, does not end, or is not there."""
    try:
        asked = subprocess.run(  # noqa: S603 - no shell
            ["git", *words],  # noqa: S607 - wherever it is
            cwd=folder,
            capture_output=True,
            timeout=ASK_SECONDS,
            check=False,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},  # the index belongs to whoever works here
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.decode("utf-8", "surrogateescape") if asked.returncode == 0 else None
