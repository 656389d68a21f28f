"""Read-only git commands."""

import os
import subprocess
from pathlib import Path

from validation.core.environment import built

TIMEOUT_SECONDS = 60
OPTIONS = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
"""A checkout may belong to another user, as in CI; no program of its configuration runs."""
ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
"""Leave the index to the user who works here, and do not let that user's configuration change the output."""


def git(folder: Path, *words: str) -> str | None:
    """Return the output of a git command in a folder, or None when it fails, times out or git is missing."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            ["git", *OPTIONS, *words],  # noqa: S607 - git on PATH
            cwd=folder,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env=built(**ENVIRONMENT),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
