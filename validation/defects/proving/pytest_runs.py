"""Runs tests of this repository in a copy with a defect of the harness, each of which must fail, by an assertion."""

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from validation.core.errors import HarnessError
from validation.defects.seeding import environment

RUN_SECONDS = 600
SHOWN = 300
"""How many characters of an error are kept, at most."""
PLUGINS = ("--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "anyio", "-p", "no:cacheprovider")
"""The plugins that the tests use. Importing the other installed ones takes longer than most tests."""
ALL_PASSED, SOME_FAILED = 0, 1
"""pytest's exit codes. Any other means that it could not run: it collected nothing, or was interrupted."""

_FAILED = re.compile(r"^FAILED (?P<test>.+?) - (?P<words>.+)$", re.MULTILINE)
_ERROR = re.compile(r"^ERROR .+$", re.MULTILINE)
_ASSERTED = ("assert ", "AssertionError", "Failed: ")
"""How pytest's message begins when a test failed by an assertion, by pytest.fail or by pytest.raises."""


@dataclass(frozen=True, slots=True)
class PytestRun:
    """pytest's short summary of a run.

    Attributes:
        code: pytest's exit code.
        failed: the failed tests and their messages, in order.
        errors: errors before or after a test, or during collection.
        end: the end of the output.
    """

    code: int
    failed: tuple[tuple[str, str], ...]
    errors: tuple[str, ...]
    end: str

    @property
    def green(self) -> bool:
        """Whether at least one test ran and all passed."""
        return self.code == ALL_PASSED

    def of(self, node: str) -> list[tuple[str, str]]:
        """Return the failed tests of a node: a file, a test, or one of its parameters."""
        return [(test, words) for test, words in self.failed if test == node or test.startswith((f"{node}::", f"{node}["))]


def run_tests(copy: Path, nodes: Iterable[str]) -> PytestRun:
    """Run tests of a copy against the code of that copy, in a process of their own.

    Args:
        copy: the folder of the copied project.
        nodes: pytest node ids: files, or tests of files.

    Raises:
        HarnessError: they did not end in time.
    """
    asked = [*nodes]
    command = [sys.executable, "-m", "pytest", "-c", str(copy / "pyproject.toml"), *PLUGINS, "-q", "--tb=no", "-rfE"]
    try:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            [*command, *asked], cwd=copy, env=environment(copy), capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise HarnessError(f"`pytest {' '.join(asked)[:200]}` did not end within {RUN_SECONDS} s.") from None
    failed = tuple((found["test"], found["words"]) for found in _FAILED.finditer(ran.stdout))
    return PytestRun(ran.returncode, failed, tuple(_ERROR.findall(ran.stdout)), (ran.stdout + ran.stderr).strip()[-(SHOWN - 50) :])


def why_inconclusive(run: PytestRun, nodes: Iterable[str]) -> str:
    """Return why a run says nothing about a defect: an error, or a test that failed without an assertion. Empty: it does."""
    if run.code not in {ALL_PASSED, SOME_FAILED} or run.errors:
        return (run.errors or (f"pytest exited with {run.code}: {run.end}",))[0][:SHOWN]
    for node in nodes:
        failed = run.of(node)
        if failed and not any(words.startswith(_ASSERTED) for _, words in failed):
            return f"{node} failed, but not by an assertion: {failed[0][1][:200]}"
    return ""


def still_passing(run: PytestRun, nodes: Iterable[str]) -> list[str]:
    """Return the nodes without a failed test."""
    return [node for node in nodes if not run.of(node)]
