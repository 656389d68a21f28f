"""A crash sweep is a table in the reports, whatever its outcome."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_html import Page
from validation.faults.proxy.crashes import Crash, format_crashes, not_reached
from validation.registry.checkpoints import registry
from validation.report import html
from validation.report.crash_table import crash_points, summarize_sweep
from validation.report.model import load
from validation.report.terminal import summary

GOOD = Crash("before acknowledged", "the connection is reset", "XACK, the connection reset", 0.4, "ok")
SLOW = Crash("before acknowledged", "a successor with its name", "XACK, killed by signal 9", 1.2, "ok")
WRONG = Crash("after acknowledged", "the connection is reset", "XACK, the connection reset", 0.3, f"1 of 5 votes lost {HOSTILE}")
UNSEEN = not_reached("after trimmed", "the connection is reset", "no such command within 15 s")


def swept(record: Any, *points: tuple[Crash, ...], scope: list[str] | None = None) -> Path:
    """Write the record of a sweep."""
    record.start(scope or ["B8"])
    for crashes in points:
        seen = str([v.verdict for v in crashes if v.reached])
        expected = str(["ok" for v in crashes if v.reached])
        record.scenario("B8", (f"crash {crashes[0].point}", expected, seen), name=crashes[0].point, evidence=format_crashes(crashes))
    return record.end()  # type: ignore[no-any-return] # the fixture is of conftest.py


def printed(folder: Path) -> str:
    console = Console(file=io.StringIO(), width=100)
    summary(load(folder), console, folder)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_point_is_as_good_as_its_worst_crash(record: Any) -> None:
    folder = swept(record, (GOOD, SLOW), (WRONG, GOOD), (UNSEEN, UNSEEN))
    points = crash_points(load(folder).results[0])
    assert [(p.name, p.command, p.outcome, p.seconds) for p in points[:1]] == [("before acknowledged", "XACK (3 of 3)", "ok", 1.2)]
    assert [(p.name, p.outcome, p.command) for p in points[1:]] == [
        ("after acknowledged", "1 wrong", "XACK (1 of 1)"),
        ("after trimmed", "not reached", "none (0 of 2)"),
    ]
    assert summarize_sweep(points) == "4 crashes at 3 points, 1 wrong, 2 not reached; slowest recovery 1.2 s (before acknowledged)"


def test_a_partial_run_prints_the_sweep_as_a_table(record: Any) -> None:
    text = printed(swept(record, (GOOD, SLOW), (WRONG,), (UNSEEN,)))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "Crash point Command (reached) Result Recovery",
        "before acknowledged XACK (2 of 2) ok 1.2 s",
        "after acknowledged XACK (1 of 1) 1 wrong 0.30 s",
        "after trimmed none (0 of 1) not reached 0.00 s",
        "after trimmed, the connection is reset: not reached: no such command within 15 s",
    ):
        assert line in lines
    assert "\x1b" not in text


def test_a_full_run_summarises_a_sweep_in_one_line(record: Any) -> None:
    text = printed(swept(record, (GOOD, SLOW), scope=list(registry())))
    assert "2 crashes at 1 point, none wrong; slowest recovery 1.2 s" in text
    assert "Crash point" not in text


def test_the_page_has_every_crash_in_a_table(record: Any) -> None:
    written_page = html.render(load(swept(record, (GOOD, SLOW), (WRONG,), (UNSEEN,))))
    page = Page(written_page)
    assert (page.unbalanced, page.open) == ([], [])
    assert "before acknowledged a successor with its name XACK, killed by signal 9 ok 1.2 s" in page.text
    assert "1 of 5 votes lost <script>alert(1)</script>" in page.text
    assert "script" not in {tag for tag, _ in page.tags}
    assert "before acknowledged | " not in page.text


@pytest.mark.parametrize("evidence", ["", "no crashes at all", "a | b"])
def test_no_table_is_made_of_anything_else(record: Any, evidence: str) -> None:
    record.start(["B8"])
    record.scenario("B8", ("counts", "3", "3"), evidence=evidence)
    folder = record.end()
    assert crash_points(load(folder).results[0]) == ()
    assert "slowest recovery" not in printed(folder)
