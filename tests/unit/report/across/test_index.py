"""The page that lists the runs of a folder."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.unit.report.conftest import HOSTILE, SCRIPT
from tests.unit.report.page import Page
from validation.core.errors import UsageError
from validation.record.subject import Subject
from validation.report.across import index
from validation.report.across.summaries import Checkpoint, Runs, Summary, read
from validation.report.write import write_all

THOUSAND_SECONDS = 20.0


def page(runs: Runs) -> Page:
    return Page(index.render(runs))


def test_every_run_that_is_written_is_listed_with_a_link(failed: Path, clean: Path) -> None:
    for folder in (clean, failed):
        write_all(folder)
    found = Page((failed.parent / "index.html").read_text(encoding="utf-8"))
    links = [str(link["href"]) for link in found.all("a")]
    assert links == [f"{failed.name}/index.html", f"{failed.name}/index.html", f"{clean.name}/index.html"]
    assert all((failed.parent / link).is_file() for link in links)
    assert "NO-GO The last of 2 runs" in found.text


def test_the_page_is_whole_and_loads_nothing(failed: Path) -> None:
    write_all(failed)
    found = page(read(failed.parent))
    assert (found.unbalanced, found.open) == ([], [])
    assert not found.all("script")
    assert "default-src 'none'" in str(found.all("meta"))
    assert "prefers-color-scheme: dark" in index.render(read(failed.parent))


def test_hostile_text_is_escaped() -> None:
    checkpoints = [Checkpoint("5.1", HOSTILE, verdict, HOSTILE, 1.0) for verdict in ("PASSED", "FAILED")]
    subject = Subject(commit=HOSTILE, digests={HOSTILE: HOSTILE})
    runs = [
        Summary(f"{number}{HOSTILE}", HOSTILE, HOSTILE, HOSTILE, 1.0, [one], [], subject=subject) for number, one in enumerate(checkpoints)
    ]
    written = index.render(Runs(tuple(runs), {run.run: f'"{HOSTILE}' for run in runs}, (HOSTILE,)))
    assert SCRIPT not in written
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert (Page(written).unbalanced, Page(written).all("script")) == ([], [])


def test_unstable_and_failing_checkpoints_come_first() -> None:
    subject = Subject(commit="a" * 40, digests={"system": "1"})
    verdicts = ("PASSED", "FAILED")
    runs = [
        Summary(str(n), "local", "NO-GO", f"2026-11-0{n + 1}", 1.0, [Checkpoint("5.1", "T", v, "", 1.0)], [], subject=subject)
        for n, v in enumerate(verdicts)
    ]
    text = page(Runs(tuple(runs), {run.run: run.run for run in runs})).text
    assert "Unstable checkpoints" in text
    assert "5.1 T 1 of 2 50 % 9 to 91 % 1" in text
    assert text.index("Failing checkpoints") < text.index("Started")


def test_a_thousand_runs_are_read_and_listed(failed: Path) -> None:
    write_all(failed)
    reports, results = failed.parent, json.loads((failed / "results.json").read_text(encoding="utf-8"))
    for number in range(1000):
        folder = reports / f"20260101-000000-{number:04x}"
        folder.mkdir()
        (folder / "results.json").write_text(
            json.dumps(results | {"run": folder.name, "subject": results["subject"] | {"digests": {"system": str(number // 2)}}}),
            encoding="utf-8",
        )
    begun = time.monotonic()
    index.write(reports)
    assert time.monotonic() - begun < THOUSAND_SECONDS
    assert len(Page((reports / "index.html").read_text(encoding="utf-8")).all("tr")) >= 1001


def test_a_run_is_listed_once_and_what_cannot_be_read_is_named(failed: Path) -> None:
    write_all(failed)
    reports = failed.parent
    shutil.copytree(failed, reports / "shard-1" / failed.name)
    (reports / "half").mkdir()
    (reports / "half" / "results.json").write_text('{"run": "half", "target"')
    found = read(reports)
    assert [run.run for run in found.summaries] == [failed.name]
    assert found.unreadable == ("half",)
    assert "The results of 1 folder could not be read: half." in page(found).text


def test_downloaded_reports_are_found_one_folder_deeper(failed: Path, tmp_path: Path) -> None:
    write_all(failed)
    shutil.move(failed, tmp_path / "downloads" / "report-1" / failed.name)
    found = read(tmp_path / "downloads")
    assert found.places == {failed.name: f"report-1/{failed.name}"}


def test_a_folder_without_runs_is_a_page_too(tmp_path: Path) -> None:
    assert "There are no runs here." in page(read(tmp_path)).text
    with pytest.raises(UsageError, match="There is no folder"):
        read(tmp_path / "gone")


def test_a_run_that_is_written_again_stays_where_it_is(failed: Path) -> None:
    write_all(failed)
    first = (failed.parent / "index.html").read_bytes()
    write_all(failed)
    assert (failed.parent / "index.html").read_bytes() == first
