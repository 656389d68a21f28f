from pathlib import Path
from typing import Any

from validation.registry.checkpoints import registry
from validation.report import markdown
from validation.report.model import load


def test_the_verdict_comes_first_then_the_phases_then_the_blockers(failed: Path) -> None:
    written = markdown.render(load(failed))
    assert written.startswith("# NO-GO\n\n1 of 8 checkpoints failed (5.1)")
    places = [
        written.index(part)
        for part in ("| 5  Votes over HTTP |", "## Blockers", "### 5.1", "## Harness errors", "## Not proven", "## Waived")
    ]
    assert places == sorted(places)
    assert '```sh\nvotecheck run --checkpoint 5.1 --api-url "$API_URL"\n```' in written


def test_a_cell_cannot_leave_its_row_or_become_markup(failed: Path) -> None:
    written = markdown.render(load(failed))
    (row,) = [line for line in written.splitlines() if "alert(1)" in line and "201" in line and line.startswith("|")]
    assert row.count("|") == 5
    assert "<" not in row
    assert "`" not in row
    assert "&#60;script&#62;" in row


def test_no_answer_can_mention_or_link(record: Any) -> None:
    record.start(["5.1"])
    record.scenario("5.1", ("answer", "201", "@board see #1 https://example.org [x](y) ![z](w)\n\n# NEXT | row"))
    written = markdown.render(load(record.end()))
    assert [line.count("|") for line in written.splitlines() if "NEXT" in line] == [5]
    for mark in ("@", "see #1", "://", "[x]", "\n# NEXT"):
        assert mark not in written


def test_a_run_with_nothing_open_is_short(clean: Path) -> None:
    written = markdown.render(load(clean))
    assert written.startswith(f"# GO\n\nAll {len(registry())} checkpoints passed")
    assert "##" not in written


def test_it_stays_below_the_limit_of_github(record: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(markdown, "_FINDINGS_MAX", 10_000)
    record.start(["5.1", "5.2"])
    for checkpoint in ("5.1", "5.2"):
        record.scenario(checkpoint, *((f"vote {n}", "<" * 300, "`" * 300) for n in range(400)))
    written = markdown.render(load(record.end()))
    assert len(written.encode()) < markdown.BYTES_MAX
    assert written.startswith("# NO-GO")
    assert "Shortened. index.html of this run has the rest." in written
