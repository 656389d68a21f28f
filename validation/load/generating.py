"""Runs Locust as a child process, headless, with one of our scenarios; an interruption ends it and keeps what it has noted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests import ON_TIME
from validation.errors import HarnessError
from validation.settings import PROJECT

STARTS_SECONDS, ENDS_SECONDS = 30.0, 20.0


def command(url: str, scenario: str, scenarios: Path, folder: Path, processes: int) -> list[str]:
    """Give the command line that repeats the load by Locust alone.

    Args:
        url: the API's address.
        scenario: its name.
        scenarios: the file that has it.
        folder: where records and Locust's own reports go.
        processes: how many share the load.
    """
    spread = ["--processes", str(processes)] if processes > 1 else []
    return [
        sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py,loadtests/shapes.py", "--headless", "--host", url,
        "--scenario", scenario, "--scenarios", str(scenarios), "--records", str(folder / "records"),
        "--html", str(folder / "locust.html"), "--csv", str(folder / "locust"), "--only-summary", "--loglevel", "WARNING", *spread,
    ]  # fmt: skip


@contextmanager
def generating(told: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run it for as long as the block lasts, and no longer."""
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own command line
            told, cwd=PROJECT, env=ON_TIME | os.environ, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait(child: "subprocess.Popen[bytes]", seconds: float, log: Path) -> None:
    """Wait until the schedule is over.

    Args:
        child: Locust.
        seconds: how long the schedule is.
        log: what it says.

    Raises:
        HarnessError: it could not begin, or did not end.
    """
    try:
        code = child.wait(seconds + STARTS_SECONDS + ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        raise HarnessError(f"Locust did not end {STARTS_SECONDS + ENDS_SECONDS:.0f} s after its schedule.", "", f"less {log}") from None
    if code not in {0, 1}:  # 1: some request failed, which the records tell in full
        said = log.read_text(encoding="utf-8", errors="replace").strip()[-400:]
        raise HarnessError(f"Locust ended with {code}: {said}", "a wrong address or scenario", f"less {log}")
