"""No variable and no file in the home of the caller changes what `votecheck` finds, counts and exits with."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.hostile import HOSTILE, guilty
from validation.core.environment import built
from validation.core.settings import PROJECT

SECONDS = 240.0
OURS = built(PYTHONPATH=str(PROJECT))
CHECKPOINTS = "4.2,5.3,6.2"
"""One of files, one of HTTP, and one that reads Redis and PostgreSQL."""
OF_HOME = {
    ".locust.conf": "master = true\n",
    ".pgpass": "*:*:*:*:wrong\n",
    ".pg_service.conf": "[none]\nhost=192.0.2.1\n",
    ".postgresql/postgresql.crt": "not a certificate\n",
    ".netrc": "default login nobody password wrong\n",
    ".gitconfig": "[status]\n  showUntrackedFiles = no\n[core]\n  quotePath = false\n",
    ".config/git/config": "[diff]\n  noprefix = true\n",
}


@pytest.fixture
def hostile_home(tmp_path: Path) -> dict[str, str]:
    """Every hostile variable, and a home with settings for other programs."""
    for name, text in OF_HOME.items():
        file = tmp_path / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return HOSTILE | {"HOME": str(tmp_path / "home")}


OF_SOURCE = {
    "pytest.ini": "[pytest]\naddopts = -k nothing\n",
    "setup.cfg": "[tool:pytest]\naddopts = -k nothing\n",
    "tox.ini": "[pytest]\naddopts = -k nothing\n",
    "conftest.py": "raise RuntimeError('imported')\n",
    "locust.conf": "master = true\n",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source whose API allows every origin, with settings for other programs."""
    copy = tmp_path_factory.mktemp("broken") / "source"
    for folder in ("system", "chart", "docs"):
        shutil.copytree(PROJECT / folder, copy / folder)
    file = copy / "system" / "api" / "cors.py"
    text = file.read_text()
    broken = text.replace("allow_origins=origins", 'allow_origins=("*",)')
    file.write_text(broken)
    assert broken != text
    for name, written in OF_SOURCE.items():
        (copy / name).write_text(written)
    return copy


def votecheck(*arguments: str, env: Mapping[str, str], cwd: Path = PROJECT) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "validation", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)


def outcome(ran: "subprocess.CompletedProcess[str]") -> Any:
    """Return the exit code, and of each checkpoint the verdict, the number of observations and the findings."""
    assert ran.stdout, ran.stderr
    found = json.loads(ran.stdout)
    checkpoints = [c for c in found["checkpoints"] + found["beyond"] if c["verdict"] != "NOT PROVEN" or c["observations"]]
    return ran.returncode, found["verdict"], [
        (c["id"], c["verdict"], c["observations"], [(f["subject"], f["expected"]) for f in c["findings"]]) for c in checkpoints
    ]  # fmt: skip


def test_a_no_go_stays_a_no_go_with_the_same_findings(broken: Path, hostile_home: dict[str, str], tmp_path: Path) -> None:
    def run(variables: Mapping[str, str]) -> Any:
        options = ("--source", str(broken), "--checkpoint", CHECKPOINTS, "--json", "--reports", str(tmp_path / "reports"))
        return outcome(votecheck("run", *options, env=OURS | variables, cwd=broken))

    plain = run({})
    assert plain[:2] == (1, "NO-GO")
    assert [one[1] for one in plain[2]] == ["PASSED", "FAILED", "PASSED"]
    assert guilty(hostile_home, lambda variables: run(variables) == plain) == []


def test_what_passes_still_passes_and_its_record_is_read_alike(hostile_home: dict[str, str], tmp_path: Path) -> None:
    reports = ("--reports", str(tmp_path / "reports"))
    plain = outcome(votecheck("run", "--checkpoint", "4.2", "--json", *reports, env=OURS))
    assert plain[1] == "PARTIAL"
    without_home = {name: value for name, value in (OURS | HOSTILE).items() if name != "HOME"}
    for env in (OURS | hostile_home, OURS | HOSTILE | {"HOME": "/proc/none"}, without_home):
        assert outcome(votecheck("run", "--checkpoint", "4.2", "--json", *reports, env=env)) == plain
    for command in (("verify",), ("report",), ("list",), ("explain", "5.1")):
        words = (*command, *(reports if command[0] in {"verify", "report"} else ()))
        before, after = (votecheck(*words, env=env) for env in (OURS | {"COLUMNS": "1"}, OURS | hostile_home))
        assert (after.returncode, after.stdout) == (before.returncode, before.stdout), command


def test_a_python_that_drops_assertions_is_replaced(tmp_path: Path) -> None:
    command = [sys.executable, "-OO", "-W", "error", "-m", "validation", "run", "--checkpoint", "4.2", "--reports", str(tmp_path)]
    ran = subprocess.run(command, cwd=PROJECT, env=OURS, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 4, ran.stderr


def test_a_load_run_sends_and_finds_every_vote(hostile_home: dict[str, str], tmp_path: Path) -> None:
    options = ("--rate", "50", "--seconds", "2", "--reports", str(tmp_path / "reports"))
    ran = votecheck("load", "baseline", *options, env=OURS | hostile_home)
    result = tmp_path / "reports" / "load-latest" / "load.json"
    assert result.is_file(), ran.stderr
    found = json.loads(result.read_text())
    assert found["reconciliation"]["accepted"] > 50, ran.stderr
    assert (found["reconciliation"]["lost"], found["missed"]) == (0, 0)


def test_a_defect_is_caught(hostile_home: dict[str, str], tmp_path: Path) -> None:
    ran = votecheck("defects", "run", "--defect", "D1", "--reports", str(tmp_path), env=OURS | hostile_home)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_plain_pytest_runs_a_part_and_never_passes_its_checkpoint(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", str(PROJECT / "features"), "-c", str(PROJECT / "pyproject.toml"), "-q", "-m", "cp_4_2"]
    ran = subprocess.run([*command, "-k", "consumer"], cwd=tmp_path, env=OURS, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0, ran.stdout
    (run,) = (tmp_path / "reports").iterdir()
    reported = votecheck("report", run.name, "--reports", str(tmp_path / "reports"), env=OURS)
    assert "INCOMPLETE" in reported.stderr
    assert "something outside votecheck left out the rest" in reported.stderr
    verified = votecheck("verify", run.name, "--reports", str(tmp_path / "reports"), env=OURS)
    assert "INCOMPLETE" in verified.stdout + verified.stderr


def test_this_table_has_every_kind_of_variable() -> None:
    assert len(HOSTILE) > 80
    assert not HOSTILE.keys() & {"PATH", "HOME"}
    assert os.environ["PATH"]
