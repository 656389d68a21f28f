"""Runs Locust as a child process, headless, with one of our scenarios; an interruption ends it and keeps what it has noted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loadtests import LOCUST_ENVIRONMENT
from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.load.sampling.sampler import Look, parts_of

STARTS_SECONDS, ENDS_SECONDS = 30.0, 20.0
FAILED_REQUESTS = 1
"""Locust's exit code where some request failed, which the records tell in full."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a generator is to do.

    Attributes:
        url: the API's address.
        scenario: a scenario's name.
        scenarios: the file that has it.
        folder: where records, Locust's own reports and its log go.
        processes: how many share the load.
    """

    url: str
    scenario: str
    scenarios: Path
    folder: Path
    processes: int


class Generator(Protocol):
    """Locust at work, here or elsewhere."""

    @property
    def look(self) -> Look:
        """What it uses."""

    def wait(self, seconds: float) -> None:
        """Wait until a schedule of so many seconds is over.

        Raises:
            HarnessError: it could not begin, or did not end.
        """


def options(order: Order, scenarios: Path, folder: Path) -> list[str]:
    """Give Locust's options.

    Args:
        order: what it is to do.
        scenarios: where Locust finds the file.
        folder: where Locust writes.
    """
    return [
        "-f", "loadtests/locustfile.py,loadtests/shapes.py", "--headless", "--host", order.url,
        "--scenario", order.scenario, "--scenarios", str(scenarios), "--records", str(folder / "records"),
        "--html", str(folder / "locust.html"), "--csv", str(folder / "locust"), "--only-summary", "--loglevel", "WARNING",
    ]  # fmt: skip


@contextmanager
def generating(order: Order) -> Iterator[Generator]:
    """Run Locust on this machine for as long as the block lasts, and no longer."""
    spread = ["--processes", str(order.processes)] if order.processes > 1 else []
    log = order.folder / "locust.log"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-m", "locust", *options(order, order.scenarios, order.folder), *spread],
            cwd=PROJECT, env=LOCUST_ENVIRONMENT | os.environ, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield _Child(child, log, parts_of({"generator": lambda: child.pid}))
    finally:
        child.terminate()
        try:
            child.wait(ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@dataclass(frozen=True, slots=True)
class _Child:
    child: "subprocess.Popen[bytes]"
    log: Path
    look: Look

    def wait(self, seconds: float) -> None:
        """Wait until the schedule is over."""
        try:
            code = self.child.wait(seconds + STARTS_SECONDS + ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            raise HarnessError(
                f"Locust did not end {STARTS_SECONDS + ENDS_SECONDS:.0f} s after its schedule.", "", f"less {self.log}"
            ) from None
        demand_good(code, self.log)


def demand_good(code: int, log: Path) -> None:
    """Refuse an end of Locust's after which its records say nothing.

    Raises:
        HarnessError: it was wrong usage, or worse.
    """
    if code not in {0, FAILED_REQUESTS}:
        said = log.read_text(encoding="utf-8", errors="replace").strip()[-400:]
        raise HarnessError(f"Locust ended with {code}: {said}", "a wrong address or scenario", f"less {log}")
