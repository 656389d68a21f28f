import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.unit.record.subjects import SUBJECT
from tests.unit.report.conftest import proof
from validation.record.events import Event, Finished, Observed, Planned, RunFinished, RunStarted, Started, SubjectSeen
from validation.record.recorder import read
from validation.registry.checkpoints import registry
from validation.report.model import load
from validation.report.terminal import Progress, summary


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def console(*, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def printed(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined]


def watch(folder: Path, console: Console) -> str:
    events = list(read(folder / "results.jsonl"))
    with Progress([registry()[i] for i in events[0].scope], console) as progress:  # type: ignore[union-attr]
        for event in events:
            progress(event)
    return printed(console)


def test_without_a_terminal_each_finished_checkpoint_is_one_line(failed: Path) -> None:
    lines = watch(failed, console()).splitlines()
    of_checkpoints = [line for line in lines if not line.startswith("HARNESS ERROR")]
    assert [re.split(r"\s{2,}", line) for line in of_checkpoints[:4]] == [
        [i, verdict, registry()[i].title, "0.50 s"]
        for i, verdict in {"2.1": "PASSED", "2.3": "NOT PROVEN", "5.1": "FAILED", "5.2": "NOT PROVEN"}.items()
    ]
    assert sum(line.startswith("HARNESS ERROR") for line in lines) == 1
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize("name", ["CI", "NO_COLOR"])
def test_in_ci_and_without_colour_nothing_moves(failed: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert not re.search(r"\x1b\[\??\d*[AJKHlh]", watch(failed, console(terminal=True)))


def test_a_terminal_shows_the_current_scenario(record: Any) -> None:
    record.start(["5.1"])
    record.scenario("5.1", ("answer", "201", "201"), name="A [red]vote[/red]\x1b[2J is taken")
    run_started, started, *_ = read(record.end() / "results.jsonl")
    to = console(terminal=True)
    with Progress([registry()["5.1"]], to) as progress:
        progress(run_started)
        progress(started)
        progress._live.refresh()
    shown = printed(to)
    assert f"Votes over HTTP > 5.1 {registry()['5.1'].title} > A [red]vote[/red]\\x1b[2J" in shown
    assert "0 of 1 checkpoint" in shown
    assert "0 scenarios" in shown
    assert "\x1b[2J" not in shown


def test_progress_finds_standard_error_although_it_is_captured(capfd: pytest.CaptureFixture[str], failed: Path) -> None:
    events = list(read(failed / "results.jsonl"))
    aside = os.dup(2)
    progress = Progress([])
    with progress, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)  # as pytest does while a scenario runs
        try:
            for event in events:
                progress(event)
        finally:
            os.dup2(aside, 2)
            os.close(aside)
    assert "5.1  FAILED" in capfd.readouterr().err


def summed_up(folder: Path, to: Console) -> str:
    summary(load(folder), to, folder)
    return printed(to)


def test_the_summary_begins_with_the_verdict_and_ends_with_the_report(failed: Path) -> None:
    lines = summed_up(failed, console()).strip().splitlines()
    assert lines[0].split()[0] == "NO-GO"
    assert lines[-1] == f"Report: {failed / 'index.html'}"


def test_the_summary_lists_blockers_then_not_proven_then_counts(failed: Path) -> None:
    text = summed_up(failed, console())
    places = [
        text.index(t) for t in ("FAILED      5.1", "expected  201", "observed", "reproduce votecheck run", "Not proven", "Waived", "Phase")
    ]
    assert places == sorted(places)
    assert re.search(r"All +2 +1 +4 +1 +12.0 s", text)


def test_nothing_of_the_system_is_markup_or_an_escape_sequence(failed: Path) -> None:
    text = summed_up(failed, console(terminal=True))
    assert "<script>alert(1)</script> [red]red[/red] \\x1b[2J\\x00" in text
    assert "\x1b[2J" not in text
    assert "\x00" not in text
    assert len(text) < 20_000


def test_a_command_is_never_wrapped(record: Any) -> None:
    record.start(["5.1"], flags=["--reports", "/x" * 80])
    record.scenario("5.1", ("answer", "201", "500"))
    assert f"votecheck run --checkpoint 5.1 --scenario 'It holds' --reports {'/x' * 80}" in summed_up(record.end(), console())


def played(*order: str, ended: int = 99) -> list[str]:
    """Play scenarios such as "5.1 here", planned in this order; return the checkpoints in the order they are printed."""
    events: list[Event] = [
        RunStarted("r", "local", "2026-11-25T10:00:00+00:00", sorted({one.split()[0] for one in order}), [], {}, {}, [], subject=SUBJECT)
    ]
    events += [Planned(one, one, one.split()[:1], "a.feature") for one in order]
    for one in order[:ended]:
        right = Observed(one, "Then", "colour", "green", "green", ok=True)
        events += [Started(one, one, one.split()[:1], "a.feature"), right, Finished(one, "passed", "", 0.5, "files")]
    to = console()
    with Progress([registry()[i] for i in events[0].scope], to) as progress:  # type: ignore[union-attr]
        for event in [*events, SubjectSeen(SUBJECT), RunFinished(1.0)]:
            progress(event)
    return [" ".join(line.split()[:2]) for line in printed(to).splitlines()]


def test_a_checkpoint_is_printed_once_after_its_last_scenario() -> None:
    assert played("4.3 here", "5.1 S", "4.3 there") == ["5.1 PASSED", "4.3 PASSED"]


def test_a_checkpoint_whose_other_scenario_never_ran_is_printed_at_the_end() -> None:
    assert played("4.3 here", "5.1 S", "4.3 there", ended=2) == ["5.1 PASSED", "4.3 NOT"]


def test_the_summary_counts_the_checkpoints_that_have_been_seen_to_fail(record: Any) -> None:
    record.start(["5.1", "5.2"], proofs=[proof("D3", "5.1")])
    record.passes("5.1")
    folder, to = record.end(), console()
    summary(load(folder), to, folder)
    said = "Self-test: 1 of 2 checkpoints have been seen to fail, for 1 seeded defect. No proof is shipped for 5.2."
    assert said in printed(to)
