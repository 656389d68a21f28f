"""A project of one feature, run by the real plugin and the real `execute` in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.record.results import CheckpointResult, Verdict
from validation.record.verdicts import Run, RunVerdict
from validation.report.model import load

STEPS = """
import pytest
from pytest_bdd import given, parsers, then, when
from validation.core.errors import HarnessError, NotProven

@given("a system")
def a_system():
    pass

@then("it is right")
def it_is_right(observe):
    observe("colour", expected="green", observed="green")

@then("it is wrong")
def it_is_wrong(observe):
    observe("colour", expected="green", observed="red", remedy="paint it")
"""

FEATURES = """
from pytest_bdd import scenarios

scenarios("a.feature")
"""


RIGHT = """
Scenario: All is well
  Given a system
  Then it is right
"""


@dataclass(frozen=True)
class Ended:
    """The result of a run of the project: the verdict of its record, exit code and output of its process."""

    run: Run
    code: int
    output: str

    @property
    def checkpoint(self) -> CheckpointResult:
        return self.run.results[0]


RunFeature = Callable[..., Ended]


def not_proven(ended: Ended, reason: str) -> None:
    assert ended.checkpoint.verdict is Verdict.NOT_PROVEN
    assert reason in ended.checkpoint.reason
    assert ended.run.verdict is RunVerdict.INCOMPLETE
    assert ended.run.exit_code == 3


def has_harness_error(ended: Ended, what: str) -> None:
    assert any(what in t for t in ended.run.harness_errors), ended.run.harness_errors
    assert ended.run.harness_failed
    assert ended.run.verdict is RunVerdict.INCOMPLETE
    assert ended.run.exit_code == 3


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a project: a feature with one Rule of checkpoint 5.1, its scenarios, and additional steps."""

    def write(scenarios: str, steps: str = "", *, tags: str = "@cp_5_1", conftest: str = "", more_steps: str = "") -> Path:
        folder = tmp_path / "project"
        (folder / "features").mkdir(parents=True)
        shutil.copy(PROJECT / "pyproject.toml", folder)
        modules = ["own_steps", "more_steps"] if more_steps else ["own_steps"]
        (folder / "conftest.py").write_text(
            f"pytest_plugins = {['validation.pytest_plugin.plugin', *modules]!r}\n{textwrap.dedent(conftest)}"
        )
        (folder / "own_steps.py").write_text(STEPS + textwrap.dedent(steps))
        (folder / "more_steps.py").write_text(STEPS.partition("@given")[0] + textwrap.dedent(more_steps))
        (folder / "features" / "test_features.py").write_text(FEATURES)
        rule = textwrap.indent(textwrap.dedent(scenarios).strip(), "    ")
        (folder / "features" / "a.feature").write_text(f"Feature: A system\n\n  {tags}\n  Rule: It is right\n\n{rule}\n")
        return folder

    return write


@pytest.fixture(scope="session")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """The process from which runs of projects are forked."""
    # PYTHONPATH: in a copy with a defect, the copy, and not the project that is installed
    env = os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("runs")), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, Path(__file__).with_name("forking.py")]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield server


@pytest.fixture
def run_feature(project: Callable[..., Path], forking: subprocess.Popen[str]) -> RunFeature:
    """Return a function that runs a project and evaluates its record."""

    def run(
        scenarios: str,
        steps: str = "",
        *,
        scope: tuple[str, ...] = ("5.1",),
        flags: Sequence[str] = (),
        processes: int = 1,
        **parts: str,
    ) -> Ended:
        folder = project(scenarios, steps, **parts)
        assert forking.stdin is not None
        assert forking.stdout is not None
        request = {"folder": str(folder), "scope": scope, "flags": dict.fromkeys(flags, True) | {"processes": processes}}
        print(json.dumps(request), file=forking.stdin, flush=True)
        code = int(forking.stdout.readline())
        output = (folder / "output").read_text(encoding="utf-8")
        assert (folder / "reports" / "run").is_dir(), output
        return Ended(load(folder / "reports" / "run"), code, output)

    return run
