"""Runs `votecheck run` and `votecheck load` on a copy, each in a process of its own, and reads the report."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from validation.core.environment import CLUSTER, ENGINE, PARENT, PROXIES, built
from validation.core.errors import INTERRUPTED_EXIT, HarnessError
from validation.core.settings import PROJECT
from validation.defects.catalogue import Load

RUN_SECONDS = 600
FEWER_COLLECTIONS = {"GOGC": "400"}
"""helm is written in Go. Garbage collection takes a sixth of a run of the chart's checkpoints; about 25 MB more memory avoids it."""


def run_checkpoints(copy: Path, ids: Iterable[str], flags: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """Run checkpoints on a copy and return their entries of results.json by id."""
    words = ["run", "--source", str(copy), "--checkpoint", ",".join(ids), *flags]
    with report_of(words, "latest/results.json", RUN_SECONDS) as results:
        read = json.loads(results.read_text(encoding="utf-8"))
    return {c["id"]: c for c in read["checkpoints"] + read["beyond"]}


def run_load(copy: Path, load: Load) -> dict[str, dict[str, Any]]:
    """Load a copy and return the limits of load.json by name."""
    words = ["load", load.scenario, "--source", str(copy), "--rate", str(load.rate), "--seconds", str(load.seconds)]
    with report_of(words, "load-latest/load.json", RUN_SECONDS) as results:
        return {check["what"]: check for check in json.loads(results.read_text(encoding="utf-8"))["checks"]}


@contextmanager
def report_of(words: Sequence[str], written: str, within: float) -> Iterator[Path]:
    """Run `votecheck` and yield a file that it wrote; remove all of its reports afterwards.

    Args:
        words: the command and its options.
        written: the file, below the folder of reports.
        within: seconds.

    Raises:
        HarnessError: the command did not end in time, was interrupted, or wrote no report.
    """
    with tempfile.TemporaryDirectory(prefix="votecheck-reports-") as reports:
        command = [sys.executable, "-m", "validation", *words, "--reports", reports]
        try:
            ran = subprocess.run(  # noqa: S603
                command, cwd=PROJECT, env=_environment(), capture_output=True, text=True, timeout=within, check=False
            )
        except subprocess.TimeoutExpired:
            raise HarnessError(f"`{' '.join(words)[:200]}` did not end within {within:g} s.") from None
        results = Path(reports) / written
        if ran.returncode == INTERRUPTED_EXIT or not results.is_file():
            raise HarnessError(f"The run gave no results: {ran.stderr.strip()[-300:]}", f"exit code {ran.returncode}")
        yield results


def _environment() -> dict[str, str]:
    return FEWER_COLLECTIONS | built(*ENGINE, *CLUSTER, *PROXIES) | {PARENT: str(os.getpid())}
