"""`votecheck bundle` and `votecheck verify` of a pack: exit codes and what they say."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.pack.packs import new_key
from tests.unit.report.conftest import Record
from validation.core.settings import PROJECT
from validation.report.write import write_all

RUN = "20261123-093000-aaaa"


def votecheck(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "validation", *words], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def reports(new_record: Callable[[str], Record]) -> Path:
    """A folder with one run, whose chart was another one."""
    run = new_record(RUN)
    run.start(["5.1"])
    run.passes("5.1")
    folder = run.end()
    write_all(folder)
    return folder.parent


def test_a_signed_pack_is_0_and_says_what_was_validated(reports: Path, tmp_path: Path) -> None:
    private, public = new_key(tmp_path)
    made = votecheck("bundle", RUN, "--reports", reports, "--key", private, "--json")
    assert made.returncode == 0, made.stderr
    written = json.loads(made.stdout)
    assert "Missing: No rendered chart" in made.stderr
    assert "Missing: No OpenAPI description" in made.stderr
    for place in (written["pack"], written["archive"]):
        found = votecheck("verify", place, "--key", public, "--json")
        assert found.returncode == 0, found.stderr
        assert "PARTIAL: run 20261123-093000-aaaa" in found.stderr
        assert "Commit: 1f1f1f1f1f1f" in found.stderr
        assert "no proof that held at the time of the run: 5.1" in found.stderr
        assert json.loads(found.stdout)["signed"] is True


def test_without_a_key_a_pack_is_3_and_with_a_changed_file_1(reports: Path) -> None:
    assert votecheck("bundle", RUN, "--reports", reports).returncode == 0
    pack = reports / f"{RUN}.pack"
    unsigned = votecheck("verify", pack)
    assert unsigned.returncode == 3, unsigned.stderr
    assert "nobody signed this pack" in unsigned.stderr
    (pack / RUN / "summary.md").write_text("GO")
    changed = votecheck("verify", pack)
    assert changed.returncode == 1
    assert f"{RUN}/summary.md was changed" in changed.stderr


def test_a_run_whose_reports_were_changed_is_not_packed(reports: Path) -> None:
    file = reports / RUN / "results.json"
    file.write_text(file.read_text().replace("PARTIAL", "GO"))
    refused = votecheck("bundle", RUN, "--reports", reports)
    assert refused.returncode == 2
    assert "do not follow from its record" in refused.stderr
    assert f"votecheck report {RUN}" in refused.stderr
    assert list(reports.glob("*.pack*")) == []


@pytest.mark.parametrize("words", [("bundle", "--key", "/nonexistent"), ("verify", "--key", "/nonexistent")])
def test_wrong_usage_is_2(words: tuple[str, ...], reports: Path) -> None:
    assert votecheck(*words, "--reports", reports).returncode == 2
