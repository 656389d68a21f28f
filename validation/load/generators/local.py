"""Run Locust headless as a child process with one scenario. An interruption ends it and keeps its records."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loadtests import LOCUST_ENVIRONMENT
from validation.core import interruption
from validation.core.environment import built
from validation.core.errors import HarnessError
from validation.core.settings import PROJECT
from validation.load.sampling.sampler import Look, parts_of

STARTS_SECONDS, ENDS_SECONDS = 30.0, 20.0
FAILED_REQUESTS = 1
"""Exit code of Locust if a request failed. The records have the details."""


@dataclass(frozen=True, slots=True)
class Order:
    """The work for a generator.

    Attributes:
        url: base URL of the API.
        scenario: name of the scenario.
        scenarios: the file that defines it.
        folder: folder for records, Locust's own reports and its log.
        processes: number of processes that share the load.
    """

    url: str
    scenario: str
    scenarios: Path
    folder: Path
    processes: int


class Generator(Protocol):
    """A running Locust, on this machine or in a cluster."""

    @property
    def look(self) -> Look:
        """The probe of its CPU time and memory."""

    def wait(self, seconds: float) -> None:
        """Wait until a schedule of this many seconds is over.

        Raises:
            HarnessError: Locust did not start, or did not end.
        """


def options(order: Order, scenarios: Path, folder: Path, code: Path = Path("loadtests")) -> list[str]:
    """Return the command line options of Locust.

    Args:
        order: the work.
        scenarios: path of the scenario file for Locust.
        folder: folder that Locust writes to.
        code: the package `loadtests`, as Locust finds it.
    """
    return [
        "-f", ",".join(str(code / f"{name}.py") for name in ("locustfile", "shapes")), "--headless", "--host", order.url,
        "--scenario", order.scenario, "--scenarios", str(scenarios), "--records", str(folder / "records"),
        "--html", str(folder / "locust.html"), "--csv", str(folder / "locust"), "--only-summary", "--loglevel", "WARNING",
    ]  # fmt: skip


@contextmanager
def generating(order: Order) -> Iterator[Generator]:
    """Run Locust on this machine for the duration of the block."""
    spread = ["--processes", str(order.processes)] if order.processes > 1 else []
    home = str(order.folder)  # Locust reads settings from its home and from where it works, and the run decides them alone
    log = order.folder / "locust.log"
    with log.open("wb") as output, interruption.Held():
        child = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-m", "locust", *options(order, order.scenarios, order.folder, PROJECT / "loadtests"), *spread],
            cwd=order.folder, env=built(HOME=home, PYTHONPATH=str(PROJECT), **LOCUST_ENVIRONMENT),
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
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
        require_valid_exit(code, self.log)


def require_valid_exit(code: int, log: Path) -> None:
    """Raise unless Locust ended in a way that makes its records valid.

    Raises:
        HarnessError: Locust reported wrong usage or crashed.
    """
    if code not in {0, FAILED_REQUESTS}:
        output = log.read_text(encoding="utf-8", errors="replace").strip()[-400:]
        raise HarnessError(f"Locust exited with {code}: {output}", "a wrong address or scenario", f"less {log}")
