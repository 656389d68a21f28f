"""`votecheck waive` writes waivers that the next run accepts, and refuses what it cannot waive."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.report.conftest import Record, new_record, record  # noqa: F401 - fixtures
from validation.core.settings import PROJECT
from validation.record.waivers import read_waivers
from validation.report.write import write_all

GIVEN = ("--owner", "release board", "--reason", 'known: "OPS-12" \\ \u00e9\u2028', "--expires", "2099-12-31")


@pytest.fixture
def reports(new_record: Callable[[str], Record]) -> Path:  # noqa: F811 - a fixture
    """A folder with a run in which 5.1 failed twice, 2.5 could not be proven, and 5.2 passed."""
    run = new_record("20261123-093000-aaaa")
    run.start(["2.5", "5.1", "5.2"])
    run.scenario("5.1", ("status", "422", "201"), ("body \u201ex\u201c", "a", "b"))
    run.passes("5.2")
    folder = run.end()
    write_all(folder)
    return folder.parent


def waive(reports: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    file = ("--file", str(reports / "waivers.toml"), "--reports", str(reports))
    command = [sys.executable, "-m", "validation", "waive", *words, *file]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def test_each_finding_of_a_checkpoint_gets_a_waiver_and_the_file_keeps_its_text(reports: Path) -> None:
    (reports / "waivers.toml").write_text("# decided on Monday\n")
    assert waive(reports, "5.1", *GIVEN).returncode == 0
    assert waive(reports, "2.5", *GIVEN).returncode == 0
    written = read_waivers(reports / "waivers.toml")
    assert [(one["id"], one["finding"], one["version"], one["expires"]) for one in written] == [
        ("5.1", "status", "0.3.2", "2099-12-31"),
        ("5.1", "body \u201ex\u201c", "0.3.2", "2099-12-31"),
        ("2.5", "not proven", "0.3.2", "2099-12-31"),
    ]
    assert {one["reason"] for one in written} == {GIVEN[3]}
    assert (reports / "waivers.toml").read_text().startswith("# decided on Monday\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("5.1", "--finding", "colour", *GIVEN), "5.1 has no finding colour. Its findings: status; body"),
        (("5.2", *GIVEN), "5.2 is PASSED: there is nothing to waive."),
        (("B1", *GIVEN), "has no checkpoint B1"),
        (("5.1", *GIVEN[:5], "tomorrow"), "--expires tomorrow is not a day"),
        (("5.1", "--owner", " ", *GIVEN[2:]), "owner is empty"),
    ],
)
def test_what_cannot_be_waived_is_2_and_writes_nothing(words: tuple[str, ...], said: str, reports: Path) -> None:
    refused = waive(reports, *words)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert not (reports / "waivers.toml").exists()


def test_a_finding_that_is_waived_already_leaves_the_file_as_it_is(reports: Path) -> None:
    assert waive(reports, "5.1", *GIVEN).returncode == 0
    before = (reports / "waivers.toml").read_bytes()
    refused = waive(reports, "5.1", *GIVEN)
    assert (refused.returncode, "waives the same finding twice" in refused.stderr) == (2, True)
    assert (reports / "waivers.toml").read_bytes() == before
    assert [file.name for file in reports.iterdir() if file.name.startswith(".")] == []
