"""Maps lines to what executes them: those of the system to scenarios, those of the harness to tests, by one run on a traced copy."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from validation.core.errors import HarnessError
from validation.core.settings import TARGETS, RunSettings
from validation.defects.mutants.executed import Executed, Window, Windows, traced
from validation.defects.mutants.tracing import LAYOUT
from validation.defects.proving.pytest_runs import PLUGINS
from validation.defects.results import digest_of_sources
from validation.defects.seeding import environment, seeded_copy
from validation.pytest_plugin.execution import execute
from validation.record.events import Event, Finished, Planned
from validation.record.run_ids import new_run_id
from validation.registry.checkpoints import registry

TESTS = ("core", "defects", "faults", "probes", "pytest_plugin", "record", "registry", "report")
"""The folders of `tests/unit` that look at what decides: those of the command line, of targets and of images take too long."""
TEST = "test"
"""Stands for the checkpoints of a window that is a test that passed."""
TESTS_MINUTES = 40
Say = Callable[[str], None]


class _OfScenarios:
    """Ends a window with each scenario."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._planned: dict[str, Planned] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._planned[event.scenario] = event
        elif isinstance(event, Finished):
            planned = self._planned[event.scenario]
            checkpoints = planned.checkpoints if event.outcome == "passed" else []
            self._windows.end(Window(planned.name, checkpoints, event.seconds))


class _OfTests:
    """Ends a window with each test: a plugin of the pytest session in the copy."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._seconds, self._passed = 0.0, True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds += report.duration
        self._passed &= report.passed

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._windows.end(Window(nodeid, [TEST] if self._passed else [], round(self._seconds, 3)))
        self._seconds, self._passed = 0.0, True


def of_system(folder: Path, say: Say) -> Executed:
    """Return what each scenario of this machine executes in the system, from the folder of results or by a run.

    A scenario that did not pass has no checkpoint.
    """
    file = folder / f"executed-system-{digest_of_sources(folders=('system', 'features'))}.json"
    if file.is_file():
        return _read(file)
    say("Mapping the lines of the system to scenarios, by one run of all of them. About ten minutes.")
    with _traced_copy("system") as (copy, seen, windows):
        settings = RunSettings(copy, reports=seen / "reports", run=new_run_id(), quick=True)
        here = [one for one in registry().values() if TARGETS["local"].intersection(one.needs)]
        execute(settings, here, [], (_OfScenarios(windows),), [])
        return _kept(windows.executed(), file)


def of_tests(folder: Path, say: Say) -> Executed:
    """Return what each test executes in the harness, from the folder of results or by a run.

    Raises:
        HarnessError: the tests did not run to their end.
    """
    file = folder / f"executed-tests-{digest_of_sources(folders=('validation', 'tests'))}.json"
    if file.is_file():
        return _read(file)
    say("Mapping the lines of the harness to tests, by one run of them. About ten minutes.")
    with _traced_copy("validation") as (copy, seen, _):
        written = seen / "executed.json"
        command = [sys.executable, "-m", __name__, str(seen), str(written), *(f"tests/unit/{one}" for one in TESTS)]
        try:
            ran = subprocess.run(  # noqa: S603 - our own interpreter
                command, cwd=copy, env=environment(copy), capture_output=True, text=True, timeout=TESTS_MINUTES * 60, check=False
            )
        except subprocess.TimeoutExpired:
            raise HarnessError(f"The tests did not end within {TESTS_MINUTES} minutes.") from None
        if not written.is_file():
            raise HarnessError(f"The tests could not be traced: {(ran.stdout + ran.stderr).strip()[-300:]}")
        return _kept(_read(written), file)


@contextmanager
def _traced_copy(package: str) -> Iterator[tuple[Path, Path, Windows]]:
    with seeded_copy(None) as copy, tempfile.TemporaryDirectory(prefix="votecheck-seen-") as seen:
        yield copy, Path(seen), traced(copy, package, Path(seen))


def _read(file: Path) -> Executed:
    return msgspec.json.decode(file.read_bytes(), type=Executed)


def _kept(executed: Executed, file: Path) -> Executed:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(executed))
    return executed


def main(seen: str, written: str, *nodes: str) -> None:
    """Run tests in the copy that this process imports, and write what they executed."""
    layout = json.loads((Path(seen) / LAYOUT).read_text(encoding="utf-8"))
    windows = Windows(Path(seen), layout["first"])
    pytest.main(["-c", "pyproject.toml", *PLUGINS, "-q", "--tb=no", *nodes], plugins=[_OfTests(windows)])
    _kept(windows.executed(), Path(written))


if __name__ == "__main__":
    main(*sys.argv[1:])
