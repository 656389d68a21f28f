"""Read-only git commands."""

import os
import subprocess
from pathlib import Path

TIMEOUT_SECONDS = 60


def git(folder: Path, *words: str) -> str | None:
    """Return the output of a git command in a folder, or None when it fails, times out or git is missing."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            ["git", *words],  # noqa: S607 - git on PATH
            cwd=folder,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},  # leave the index to the user who works here
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
