from pathlib import Path
from typing import Any

import pytest

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
    assert "```sh\nvotecheck run --checkpoint 5.1 --scenario '" in written
    assert '--api-url "$API_URL"\n```' in written


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


def test_it_stays_below_the_limit_of_github_and_no_section_hides_a_later_one(record: Any) -> None:
    failing = [one for one in registry() if "local" in registry()[one].needs]
    assert len(failing) > 20
    record.start([*registry()])
    for checkpoint in failing:
        facts = [(f"{'x' * 280} {chr(97 + n) * 5}", "<" * 300, "`" * 300) for n in range(6)]
        for number in range(4):
            record.scenario(checkpoint, *facts, name="<" * 290 + f" {number}", given="|" * 300, row={"a": "&" * 300})
    record.harness_error("no sockets left")
    written = markdown.render(load(record.end()))
    assert markdown.BYTES_MAX / 3 < len(written.encode()) < markdown.BYTES_MAX
    assert written.startswith("# NO-GO")
    shown = written.count("\n### ")
    assert 0 < shown < len(failing)
    assert f"{len(failing) - shown} more in index.html of this run." in written
    assert "## Harness errors\n\n- no sockets left" in written
    assert "## Not proven\n" in written


@pytest.mark.parametrize("most", [0, 1, 60, 100, 400, 1500, 4000, 20_000])
def test_it_fits_whatever_room_is_left(failed: Path, most: int) -> None:
    whole, written = markdown.render(load(failed)), markdown.render(load(failed), most)
    assert len(written.encode()) < max(most, 1)
    assert written == whole or "Shortened." in written or "more in index.html" in written or written == ""


def test_nothing_is_cut_that_fits(failed: Path) -> None:
    whole = markdown.render(load(failed))
    assert "Shortened" not in whole
    assert markdown.render(load(failed), 2 * len(whole.encode()) + 1000) == whole
