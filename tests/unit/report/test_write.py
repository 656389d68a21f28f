from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validation.core.errors import HarnessError, UsageError
from validation.report.write import write_all


def test_all_reports_are_written_and_latest_points_to_them(failed: Path) -> None:
    run = write_all(failed)
    latest = failed.parent / "latest"
    assert run.verdict == "NO-GO"
    assert {f.name for f in latest.iterdir()} == {
        "results.jsonl",
        "index.html",
        "junit.xml",
        "ctrf.json",
        "results.sarif",
        "results.json",
        "summary.md",
    }
    assert (latest.is_symlink(), latest.readlink()) == (True, Path(failed.name))
    assert {f.name for f in failed.parent.iterdir()} == {"latest", "index.html", failed.name}


def test_the_same_record_gives_the_same_reports(failed: Path) -> None:
    write_all(failed)
    first = {f.name: f.read_bytes() for f in failed.iterdir()}
    write_all(failed)
    assert {f.name: f.read_bytes() for f in failed.iterdir()} == first


def test_latest_follows_the_newest_run_not_the_newest_report(failed: Path, clean: Path) -> None:
    latest = failed.parent / "latest"
    write_all(clean)
    assert latest.readlink() == Path(clean.name)
    write_all(failed)
    write_all(clean)
    assert latest.readlink() == Path(failed.name)


def test_a_link_to_a_run_that_was_removed_is_replaced(clean: Path) -> None:
    (clean.parent / "latest").symlink_to("99991231-000000-gone")
    write_all(clean)
    assert (clean.parent / "latest").readlink() == Path(clean.name)


def test_a_folder_in_the_way_of_latest_is_not_touched(failed: Path) -> None:
    (failed.parent / "latest").mkdir()
    (failed.parent / "latest" / "mine.txt").touch()
    with pytest.raises(HarnessError, match="is not a link"):
        write_all(failed)
    assert (failed.parent / "latest" / "mine.txt").exists()
    assert (failed / "results.json").exists()


def test_a_changed_record_makes_no_report(failed: Path) -> None:
    record = failed / "results.jsonl"
    record.write_text(record.read_text(encoding="utf-8").replace('"ok":false', '"ok":true'), encoding="utf-8")
    with pytest.raises(UsageError, match="was changed after the run"):
        write_all(failed)
    assert [f.name for f in failed.iterdir()] == ["results.jsonl"]


def test_a_run_that_was_cut_off_has_reports_too(new_record: Callable[[str], Any]) -> None:
    folder = new_record("cut").cut_off()
    assert write_all(folder).verdict == "INCOMPLETE"
    assert "cut off" in (folder / "summary.md").read_text(encoding="utf-8")


def test_five_megabytes_in_every_text_make_small_reports(record: Any) -> None:
    huge = "<" * 5_000_000
    record.start(["5.1"])
    record.scenario("5.1", (huge, "201", huge), name=huge, reason=huge, evidence=huge, remedy=huge)
    record.harness_error(huge)
    folder = record.end()
    write_all(folder)
    assert sum(f.stat().st_size for f in folder.iterdir() if f.name != "results.jsonl") < 500_000
