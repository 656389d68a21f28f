"""The proof that the judge's own rules are held: tests of this repository, run in a copy with a defect in it, of which each must fail."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from validation.core.errors import HarnessError

RUN_SECONDS = 600
PLUGINS = ("--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "anyio", "-p", "no:cacheprovider")
"""What the tests use. To import what else is there takes longer than most of them."""
ALL_PASSED, SOME_FAILED = 0, 1
"""pytest's exit codes. Any other says that it could not look: nothing was collected, or it was interrupted."""

_FAILED = re.compile(r"^FAILED (?P<test>.+?) - (?P<words>.+)$", re.MULTILINE)
_ERROR = re.compile(r"^ERROR .+$", re.MULTILINE)
_ASSERTED = ("assert ", "AssertionError", "Failed: ")
"""How the words of a failure begin that a test has found by looking: an assertion, or pytest.fail and pytest.raises."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What tests said, in pytest's own short summary.

    Attributes:
        code: pytest's exit code.
        failed: the failing tests and their words, in order.
        errors: what failed before or after a test, or could not be collected.
        end: the last words of the output.
    """

    code: int
    failed: tuple[tuple[str, str], ...]
    errors: tuple[str, ...]
    end: str

    @property
    def green(self) -> bool:
        """Whether there was a test, and all passed."""
        return self.code == ALL_PASSED

    def of(self, node: str) -> list[tuple[str, str]]:
        """Give the failing tests of a node: a file, a test, or one of its parameters."""
        return [(test, words) for test, words in self.failed if test == node or test.startswith((f"{node}::", f"{node}["))]


def run_tests(copy: Path, nodes: Iterable[str]) -> Tested:
    """Run tests of a copy by the code of this copy, in a process of their own.

    Args:
        copy: the folder of the copied project.
        nodes: files, or tests of files, as pytest names them.

    Raises:
        HarnessError: they did not end.
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
    return Tested(ran.returncode, failed, tuple(_ERROR.findall(ran.stdout)), (ran.stdout + ran.stderr).strip()[-300:])


def environment(copy: Path) -> dict[str, str]:
    """Give the environment in which Python takes the modules of a copy, wherever a test starts it, and not those that are installed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return ours | {"PYTHONPATH": str(copy), "COLUMNS": "400", "NO_COLOR": "1"}


def not_caught(tested: Tested, nodes: Iterable[str]) -> str:
    """Say why these tests have not found a defect by looking; nothing when each of them has."""
    if tested.code not in {ALL_PASSED, SOME_FAILED} or tested.errors:
        return (tested.errors or (f"pytest ended with {tested.code}: {tested.end}",))[0][:300]
    for node in nodes:
        failed = tested.of(node)
        if failed and not any(words.startswith(_ASSERTED) for _, words in failed):
            return f"{node} failed, and not by an assertion: {failed[0][1][:200]}"
    return ""


def survived(tested: Tested, nodes: Iterable[str]) -> list[str]:
    """Name those that are green."""
    return [node for node in nodes if not tested.of(node)]
