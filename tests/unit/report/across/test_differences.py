"""What else changed between two runs, and what nobody compared."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tests.unit.report.conftest import SUBJECT
from validation.core.settings import PROJECT
from validation.record.events import Measured
from validation.report.across.differences import not_compared, sections, sections_of_packs
from validation.report.diff import as_data, compare
from validation.report.model import load

SECONDS = 120.0


@pytest.fixture
def pair(new_record: Callable[[str], Any]) -> tuple[Path, Path]:
    """Two runs: an image grew, a fact is no longer observed, another is new, and a measurement doubled."""
    folders = []
    for number, (size, subject, p99) in enumerate((("61 MB", "status", 0.2), ("75 MB", "length", 0.4))):
        record = new_record(f"2026112{number}-090000-000{number}")
        record.start(["2.5", "5.1"], target="containers", flags=["--quick"] * number)
        record.scenario("2.5", ("the size of the api image", size, size), fidelity="image")
        record.scenario("5.1", (subject, "201", "201"), ("id of the vote", size, size), fidelity="local")
        record.emit(Measured("vote to result, p99", p99, "s"))
        folders.append(record.end())
    return folders[0], folders[1]


def found(pair: tuple[Path, Path]) -> dict[str, list[str]]:
    return sections(*map(load, pair))


def test_observations_that_came_and_went_are_named(pair: tuple[Path, Path]) -> None:
    assert found(pair)["Observations"] == [
        "2.5  the size of the api image: 61 MB → 75 MB",
        "5.1  no longer observed: status (It holds)",
        "5.1  newly observed: length (It holds)",
    ]


def test_measurements_and_settings_are_compared(pair: tuple[Path, Path]) -> None:
    assert found(pair)["Measurements"] == ["vote to result, p99: 0.2 → 0.4 s  (+100 %)"]
    assert found(pair)["Settings"] == ["options: none → --quick"]


def test_a_run_does_not_differ_from_itself(pair: tuple[Path, Path]) -> None:
    assert not any(found((pair[0], pair[0])).values())
    assert "No differences." in compare(pair[0], pair[0])


def test_another_subject_is_named(pair: tuple[Path, Path]) -> None:
    one, other = map(load, pair)
    changed = structs.replace(one.subject, commit="f" * 40, digests=SUBJECT.digests | {"system": "sha256:" + "0" * 64})
    other = replace(other, subject=changed)
    (commit, system) = sections(one, other)["Subject"]
    assert commit.startswith("commit: ")
    assert system.startswith("system: sha256:")
    assert system.endswith("then sha256:000000000000")


def test_what_was_not_compared_is_said(pair: tuple[Path, Path]) -> None:
    missing = not_compared(*map(load, pair))
    assert [one.partition(":")[0] for one in missing] == ["rendered chart", "network table", "OpenAPI description", "load"]
    assert compare(*pair).endswith("load: votecheck load compare")
    assert as_data(*pair)["not_compared"] == missing
    assert as_data(*pair)["measurements"] == found(pair)["Measurements"]


def test_packs_have_the_chart_and_the_network_table(pair: tuple[Path, Path], tmp_path: Path) -> None:
    packed = []
    for number, folder in enumerate(pair):
        packed.append(Path(shutil.copytree(folder, tmp_path / f"pack-{number}" / folder.name)))
        (packed[-1].parent / "chart").mkdir()
        (packed[-1].parent / "chart" / "manifests.yaml").write_text(f"kind: Pod\nreplicas: {number}\n")
        (packed[-1].parent / "chart" / "network.txt").write_text("api -> redis\n")
    one, other = packed
    assert sections_of_packs(one, other) == {"Rendered chart": ["-replicas: 0", "+replicas: 1"], "Network table": []}
    assert "\nRendered chart\n  -replicas: 0\n  +replicas: 1\n" in compare(one, other)
    assert "rendered chart:" not in compare(one, other)


def test_the_command_opens_packs(tmp_path: Path) -> None:
    def votecheck(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "validation", *arguments]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)

    reports = ("--reports", str(tmp_path / "reports"))
    assert votecheck("run", "--checkpoint", "8.3", *reports).returncode == 4
    made = votecheck("bundle", *reports)
    assert made.returncode == 0, made.stderr
    (archive,) = tmp_path.rglob("*.tar.gz")
    ended = votecheck("diff", str(archive), str(archive))
    assert "No differences." in ended.stdout, ended.stderr
    assert "rendered chart:" not in ended.stdout
    seen = votecheck("history", str(archive.parent))
    assert seen.stdout.startswith("1 run: 1 PARTIAL"), seen.stderr
