"""The commands that a run prints repeat it: each is executed by a shell, and its verdict is the same."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from loadtests.scenario import FILE, scenarios
from tests.unit.cli.test_exit_codes import SECONDS
from tests.unit.servers import free_port
from validation.cli.choice import selection
from validation.cli.main import app
from validation.core import settings
from validation.core.settings import PROJECT, RunSettings
from validation.load.plan import planned

OUTPUT_ONLY = {"accept_incomplete", "json", "help"}
"""Options that change what is printed or the exit code, and never the verdict."""


def shell(line: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Execute a printed command line as a reader would who has votecheck on PATH, in another folder."""
    votecheck = f'votecheck() {{ {shlex.quote(sys.executable)} -m validation "$@"; }}'
    env = os.environ | {"PYTHONPATH": str(PROJECT)} | variables
    command = ["bash", "-c", f"{votecheck}\n{line}"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)


def first_run(reports: Path, *words: str) -> tuple["subprocess.CompletedProcess[str]", dict[str, Any]]:
    command = [sys.executable, "-m", "validation", "run", *words, "--reports", str(reports)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
    return ended, result(reports)


def result(reports: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((reports / "latest" / "results.json").read_text())
    return told


@pytest.fixture
def broken_api(tmp_path: Path) -> Path:
    """A copy whose API answers 400 to what is not a vote, in a folder with a space and a quote in its name."""
    source = tmp_path / "it's a copy"
    for folder in ("system", "chart"):
        shutil.copytree(PROJECT / folder, source / folder)
    for file in (source / "system" / "api").rglob("*.py"):
        file.write_text(file.read_text().replace("HTTP_422_UNPROCESSABLE_CONTENT", "HTTP_400_BAD_REQUEST").replace("422", "400"))
    return source


def findings(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for checkpoint in told["checkpoints"] + told["beyond"] for one in checkpoint["findings"]]


def test_the_command_of_a_finding_and_that_of_its_run_reproduce_it(tmp_path: Path, broken_api: Path) -> None:
    ended, told = first_run(tmp_path / "reports 1", "--checkpoint", "5.1", "--source", str(broken_api), "--fail-fast")
    assert (ended.returncode, told["verdict"]) == (1, "NO-GO"), ended.stderr
    found = findings(told)[0]
    assert found["reproduce"] in ended.stderr
    assert found["input"].startswith("POST /api/vote")
    assert f"Repeat: {told['command']}" in ended.stderr
    for line in (found["reproduce"], told["command"]):
        again = shell(line, tmp_path)
        assert again.returncode == 1, again.stderr
        repeated = result(tmp_path / "reports 1")
        assert (repeated["run"] != told["run"], repeated["verdict"]) == (True, "NO-GO")
        assert [one["scenario"] for one in findings(repeated)] == [found["scenario"]]


@pytest.mark.parametrize(
    "words",
    [
        ["--checkpoint", "B1", "--redis-setting", "appendfsync=no"],
        ["--phase", "8", "--checkpoint", "4.2", "--quick", "--scenario", "The consumer's BATCH_SIZE"],
        ["--checkpoint", "2.5"],
    ],
    ids=["another setting of Redis is NO-GO", "one scenario is PARTIAL", "what this machine cannot show is INCOMPLETE"],
)
def test_the_command_of_a_run_repeats_its_verdict(tmp_path: Path, words: list[str]) -> None:
    ended, told = first_run(tmp_path / "reports", *words)
    again = shell(told["command"], tmp_path)
    assert (again.returncode, result(tmp_path / "reports")["verdict"]) == (ended.returncode, told["verdict"]), again.stderr
    assert told["verdict"] != "GO"


def test_a_waiver_is_part_of_the_command(tmp_path: Path) -> None:
    waivers = tmp_path / "my waivers.toml"
    waivers.write_text(
        '[[waiver]]\nid = "2.5"\nfinding = "not proven"\nversion = "0.3.2"\nreason = "no engine"\nowner = "board"\nexpires = 2099-01-01\n'
    )
    ended, told = first_run(tmp_path / "reports", "--checkpoint", "2.5", "--waivers", str(waivers))
    assert (ended.returncode, told["verdict"]) == (4, "PARTIAL")
    again = shell(told["command"], tmp_path)
    assert (again.returncode, result(tmp_path / "reports")["verdict"]) == (4, "PARTIAL"), again.stderr


def test_a_password_is_left_to_a_variable_that_the_command_names(tmp_path: Path) -> None:
    url = f"redis://:hidden-password@127.0.0.1:{free_port()}/0"
    settings = RunSettings(redis_url=url, api_url="http://127.0.0.1:8000", load_command="loader --token hidden-token")
    written = " ".join(settings.flags)
    assert "hidden" not in written
    assert "--redis-url $REDIS_URL" in written
    assert "--api-url http://127.0.0.1:8000" in written
    ended = shell(f'votecheck run --checkpoint 5.3 --redis-url "$REDIS_URL" --reports {tmp_path}', tmp_path, REDIS_URL=url)
    assert ended.returncode == 3
    assert "hidden" not in ended.stderr


def test_the_command_of_a_load_run_repeats_it(tmp_path: Path) -> None:
    words = ["load", "baseline", "--rate", "50", "--seconds", "3", "--reports", str(tmp_path / "my reports")]
    first = subprocess.run(
        [sys.executable, "-m", "validation", *words], cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    printed = re.search(r"Repeat: (.+)", first.stderr)
    assert printed, first.stderr
    again = shell(printed[1], tmp_path)
    told = json.loads((tmp_path / "my reports" / "load-latest" / "load.json").read_text())
    assert told["command"] == printed[1], again.stderr
    assert len({first.returncode, again.returncode} - {3}) <= 1, "either may be INCOMPLETE on a busy machine"
    assert 380 < told["planned"] < 420


def options(*names: str) -> set[str]:
    """Return the parameters of a command that shape its result."""
    command: Any = typer.main.get_command(app)
    for name in names:
        command = command.commands[name]
    return {one.name for one in command.params} - OUTPUT_ONLY


SHAPED = RunSettings(
    source=Path("/a copy"), target="cluster", api_url="http://a", redis_url="redis://r", database_url="postgresql://d",
    reports=Path("/my reports"), fault_minutes=1.0, long_life=10, redis_settings=("a=b",), image_tag="1", vulnerability_db="/db",
    kubeconfig="/k", context="c", release="r", release_namespace="n", load_command="l", quick=True, fail_fast=True, waivers="/w",
    model_examples=7, first_finding=True, since="/packs/last", processes=4,
)  # fmt: skip


def test_every_option_of_run_is_in_its_command() -> None:
    given = {*SHAPED.flags, *selection([5], "5.1", ["A"], protocol_only=True), "--seed", "--shard"}
    assert options("run") == {word.removeprefix("--").replace("-", "_") for word in given if word.startswith("--")}


def test_every_option_of_load_is_in_its_command() -> None:
    plan = planned(scenarios(FILE)["baseline"], 10, 3, 2, "Redis is killed", in_cluster=True)
    shaped = replace(
        SHAPED,
        quick=False,
        fail_fast=False,
        first_finding=False,
        model_examples=settings.MODEL_EXAMPLES,
        processes=1,
        redis_settings=(),
        image_tag="",
        vulnerability_db="",
        waivers="",
        since="",
        release="",
    )
    given = {*replace(shaped, fault_minutes=0.25, long_life=1).flags, *plan.options}
    assert options("load", "baseline") == {word.removeprefix("--").replace("-", "_") for word in given if word.startswith("--")}
