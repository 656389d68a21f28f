"""In GitHub Actions a run leaves annotations and the summary of its step by itself, and neither changes how it ends."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from validation.cli import github
from validation.core.environment import built
from validation.core.settings import PROJECT
from validation.record.events import RunStarted
from validation.report.formats.annotations import Annotation
from validation.report.markdown import BYTES_MAX

NAMES = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE")
ERROR = Annotation("error", "5.1", "wrong")
LEFT_OUT = shutil.ignore_patterns(".*", "reports", "__pycache__", "*.egg-info")


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def started(*flags: str) -> RunStarted:
    return RunStarted("r", "local", "", ["5.1"], [*flags], {}, {}, [])


def publish(most: list[int] | None = None) -> None:
    github.publish(lambda room: (most if most is not None else []).append(room) or "# GO", [ERROR])


def test_elsewhere_nothing_is_printed_or_written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "false", "True"):
        monkeypatch.setenv("GITHUB_ACTIONS", value)
        publish()
    assert capsys.readouterr() == ("", "")


def test_annotations_go_to_stderr_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    publish()
    assert capsys.readouterr() == ("", "::error title=5.1::wrong\n")


def test_the_summary_is_appended_to_what_the_step_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, rooms = tmp_path / "summary", list[int]()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    publish(rooms)
    file.write_text("é" * 100)
    publish(rooms)
    assert file.read_text() == "é" * 100 + "\n# GO\n"
    assert rooms == [BYTES_MAX - 2, BYTES_MAX - 202]


@pytest.mark.parametrize("place", ["a folder", "no folder", "a pipe", "full"])
def test_a_summary_that_cannot_be_written_is_said_and_changes_nothing(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "full").write_bytes(b"x" * BYTES_MAX)
    places = {"a folder": tmp_path, "no folder": tmp_path / "gone" / "summary", "a pipe": tmp_path / "pipe", "full": tmp_path / "full"}
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(places[place]))
    github.publish(lambda room: "# GO" if room > 0 else "", [])
    assert "The summary of the step was not written" in capsys.readouterr().err


def test_a_file_is_named_as_the_repository_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert github.prefix(started()) == ""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(PROJECT.parent))
    assert github.prefix(started()) == f"{PROJECT.name}/"
    assert github.prefix(started("--source", str(PROJECT.parent / "one" / "two"))) == "one/two/"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert github.prefix(started()) is None


def test_a_real_run_marks_the_files_of_its_findings_and_writes_the_summary(tmp_path: Path) -> None:
    source, summary = tmp_path / "repository" / "source", tmp_path / "summary.md"
    shutil.copytree(PROJECT, source, ignore=LEFT_OUT)
    github_variables = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(source.parent)}
    options = ["--checkpoint", "1.3,2.5", "--source", str(source), "--json", "--reports", str(tmp_path / "reports")]
    ran = changed(source, options, github_variables)
    commands = [line for line in ran.stderr.splitlines() if line.startswith("::")]
    assert [line.split(",")[0].split("title")[0].strip() for line in commands] == [
        "::error file=source/chart/Chart.yaml",
        "::error file=source/pyproject.toml",
        "::error file=source/pyproject.toml",
        "::warning",
    ], ran.stderr
    assert json.loads(ran.stdout)["verdict"] == "NO-GO"
    assert summary.read_text().startswith("# NO-GO\n")
    assert ran.returncode == 1


def changed(source: Path, options: list[str], variables: dict[str, str]) -> "subprocess.CompletedProcess[Any]":
    """Run a checkpoint of a source whose chart states another version than everything else."""
    chart = source / "chart" / "Chart.yaml"
    text = chart.read_text()
    broken = re.sub(r"(?m)^appVersion: .*$", 'appVersion: "9.9.9"', text)
    assert broken != text
    chart.write_text(broken)
    env = built(PYTHONPATH=str(PROJECT)) | variables
    command = [sys.executable, "-m", "validation", "run", *options]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, timeout=120, check=False)
