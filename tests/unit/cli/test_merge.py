"""Shards of a real run, merged by the real command, are the run that nobody split."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from validation.core.settings import PROJECT
from validation.record.events import Event, Observed, Planned, Required
from validation.record.recorder import Recorder, read
from validation.record.run_ids import RECORD

SECONDS = 600.0
SCOPE = ("--checkpoint", "4.2", "--accept-incomplete")


def votecheck(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "validation", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The report folders of two shards of a run."""
    folders = [tmp_path_factory.mktemp(f"shard-{number}") for number in (1, 2)]
    for number, folder in enumerate(folders, 1):
        ended = votecheck("run", *SCOPE, "--shard", f"{number}/2", "--reports", folder)
        assert ended.returncode == 0, ended.stderr
        assert f"Shard {number}/2: only a part of the scenarios ran." in ended.stderr
    return folders


@pytest.fixture
def copies(shards: list[Path], tmp_path: Path) -> list[Path]:
    """The folder of each shard's run, free to be changed."""
    return [Path(shutil.copytree(folder / "latest", tmp_path / (folder / "latest").resolve().name)) for folder in shards]


def events(folder: Path) -> list[Event]:
    return list(read(folder / "latest" / RECORD))


def facts(folder: Path) -> list[tuple[str, ...]]:
    return sorted((e.scenario, e.step, e.subject, e.expected, e.observed) for e in events(folder) if isinstance(e, Observed))


def test_merged_shards_are_the_run_that_nobody_split(shards: list[Path], tmp_path: Path) -> None:
    alone = votecheck("run", *SCOPE, "--reports", tmp_path / "alone", "--json")
    together = votecheck("merge", *shards, "--reports", tmp_path / "merged", "--json")
    assert (alone.returncode, together.returncode) == (0, 4), together.stderr
    one, other = (json.loads(ended.stdout) for ended in (alone, together))
    for name in ("verdict", "gaps", "target", "versions", "subject", "claims", "harness_errors"):
        assert one[name] == other[name], name
    assert [_outcome(c) for c in one["checkpoints"]] == [_outcome(c) for c in other["checkpoints"]]
    assert facts(tmp_path / "alone") == facts(tmp_path / "merged")
    for kind in (Planned, Required):
        found = [sorted(map(str, (e for e in events(tmp_path / name) if isinstance(e, kind)))) for name in ("alone", "merged")]
        assert found[0] == found[1]
    assert [s["shard"] for s in other["shards"]] == ["1/2", "2/2"]
    assert "Merged from 2 shards: 1/2 " in together.stderr
    assert votecheck("verify", "--reports", tmp_path / "merged").returncode == 0


def _outcome(checkpoint: dict[str, Any]) -> tuple[Any, ...]:
    return checkpoint["id"], checkpoint["verdict"], checkpoint["observations"], checkpoint["target"]


def test_a_missing_shard_is_refused_by_name(shards: list[Path], tmp_path: Path) -> None:
    ended = votecheck("merge", shards[1], "--reports", tmp_path / "merged")
    assert ended.returncode == 2
    assert "Shard 1/2 is missing" in ended.stderr
    assert not (tmp_path / "merged").exists()


def test_a_changed_record_is_refused_by_name(copies: list[Path], tmp_path: Path) -> None:
    record = copies[1] / RECORD
    record.write_text(record.read_text(encoding="utf-8").replace('"ok":true', '"ok":false', 1), encoding="utf-8")
    ended = votecheck("merge", *copies, "--reports", tmp_path / "merged")
    assert ended.returncode == 2
    assert f"Shard {copies[1].name} in {copies[1]} does not verify: Line " in ended.stderr


def test_changed_results_are_refused_by_name(copies: list[Path], tmp_path: Path) -> None:
    results = copies[1] / "results.json"
    results.write_text(results.read_text(encoding="utf-8").replace('"PASSED"', '"FAILED"'), encoding="utf-8")
    ended = votecheck("merge", *copies, "--reports", tmp_path / "merged")
    assert ended.returncode == 2
    assert f"Shard 2/2 in {copies[1]} does not verify: results.json has" in ended.stderr


def test_a_merged_record_that_its_shards_do_not_give_does_not_verify(shards: list[Path], tmp_path: Path) -> None:
    assert votecheck("merge", *shards, "--reports", tmp_path).returncode == 4
    folder = tmp_path / "latest"
    left_out = next(e for e in events(tmp_path) if isinstance(e, Observed))
    written = [e for e in events(tmp_path) if e is not left_out and e != left_out]
    recorder = Recorder(folder / RECORD)  # sealed anew, so that only the records of the shards can tell
    for event in written:
        recorder.emit(event)
    recorder.close()
    assert votecheck("report", "--reports", tmp_path).returncode == 0
    ended = votecheck("verify", "--reports", tmp_path)
    assert (ended.returncode, "differs from what the records in shards/ give" in ended.stderr) == (1, True), ended.stderr
    (folder / "shards" / "2-of-2.jsonl").unlink()
    assert "2-of-2.jsonl does not exist" in votecheck("verify", "--reports", tmp_path).stderr


def test_files_that_events_refer_to_are_kept(copies: list[Path], tmp_path: Path) -> None:
    (copies[0] / "snapshots").mkdir()
    (copies[0] / "snapshots" / "api.log").write_text("a line")
    assert votecheck("merge", *copies, "--reports", tmp_path / "merged").returncode == 4
    assert (tmp_path / "merged" / "latest" / "snapshots" / "api.log").read_text() == "a line"
    (copies[1] / "snapshots").mkdir()
    (copies[1] / "snapshots" / "api.log").write_text("another line")
    ended = votecheck("merge", *copies, "--reports", tmp_path / "again")
    assert ended.returncode == 2
    assert "Shard 2/2" in ended.stderr
    assert "another file snapshots/api.log" in ended.stderr
    assert not (tmp_path / "again").exists()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    ended = votecheck("merge", tmp_path)
    assert ended.returncode == 2
    assert f"There is no record of a run in {tmp_path}" in ended.stderr
