"""A record reads back as it was written, and a changed one is rejected."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.core.errors import UsageError
from validation.record.events import TEXT_MAX, Event, Finished, HarnessFailed, Measured, Observed, RunFinished, RunStarted, Started, text
from validation.record.recorder import Recorder, read

STARTED = RunStarted("run", "local", "2026-11-24T10:00:00+00:00", ["5.1"], [], {"cores": "2"}, {}, [])
EVENTS: list[Event] = [
    STARTED,
    Started("S", "A scenario", ["5.1"], "a.feature"),
    Observed("S", "Then it is green", "colour", "green", "a\nb\r\u2028\x85\x0b\x00\U0001f600 end", ok=False),
    Finished("S", "failed", "colour", 0.1, "local"),
    Measured("votes", 12.5, "1/s"),
    HarnessFailed("a process is left"),
    RunFinished(1.0),
]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    recorder = Recorder(tmp_path / "deep" / "results.jsonl")
    for event in EVENTS:
        recorder.emit(event)
    recorder.close()
    return tmp_path / "deep" / "results.jsonl"


def test_every_event_is_read_back_unchanged(record: Path) -> None:
    assert list(read(record)) == EVENTS


def test_an_event_reaches_file_and_listeners_at_once(tmp_path: Path) -> None:
    heard: list[Event] = []
    recorder = Recorder(tmp_path / "record", (heard.append,))
    recorder.emit(STARTED)
    assert list(read(tmp_path / "record")) == heard == [STARTED]
    recorder.close()


CHANGES: dict[str, Callable[[list[str]], list[str]]] = {
    "a verdict painted": lambda lines: [line.replace('"ok":false', '"ok":true') for line in lines],
    "a letter changed": lambda lines: [*lines[:3], lines[3].replace("colour", "color"), *lines[4:]],
    "a seal changed": lambda lines: ["0" * 16 + lines[0][16:], *lines[1:]],
    "a line cut out": lambda lines: [*lines[:2], *lines[3:]],
    "the first line cut": lambda lines: lines[1:],
    "two lines swapped": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "a line doubled": lambda lines: [*lines[:2], *lines[1:]],
    "a line cut short": lambda lines: [*lines[:-1], lines[-1][:-4]],
    "a line without a seal": lambda lines: [*lines, '{"event":"run_finished","seconds":1.0}'],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_record_is_refused(record: Path, change: Callable[[list[str]], list[str]]) -> None:
    lines = record.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    changed = change(lines)
    assert changed != lines
    record.write_text("\n".join(changed) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="was changed after the run"):
        list(read(record))


def test_a_record_without_its_end_is_read_and_has_no_end(record: Path) -> None:
    lines = record.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    record.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    assert list(read(record)) == EVENTS[:-1]


def test_a_missing_record_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        list(read(tmp_path / "nowhere"))


@given(st.one_of(st.text(), st.integers(), st.lists(st.text()), st.characters(codec=None, categories=["Cs"]), st.just("x" * 10 * TEXT_MAX)))
def test_any_value_becomes_a_short_text_that_can_be_encoded(value: object) -> None:
    written = text(value)
    assert len(written) <= TEXT_MAX
    written.encode()


@pytest.mark.parametrize("empty", [(), [], {}, set(), frozenset()])
def test_an_empty_collection_reads_as_none(empty: object) -> None:
    assert text(empty) == "none"


def test_a_text_that_was_cut_says_how_long_it_was() -> None:
    assert text("x" * 5000).endswith("… (5000 characters)")
    assert text("x" * TEXT_MAX) == "x" * TEXT_MAX


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_record_that_cannot_be_written_is_lost_and_says_so_once() -> None:
    heard: list[Event] = []
    recorder = Recorder(Path("/dev/full"), (heard.append,))
    for event in EVENTS:
        recorder.emit(event)
    recorder.close()
    assert recorder.lost
    assert [type(event) for event in heard] == [HarnessFailed]
    assert "No space left on device" in str(heard)


def test_a_record_whose_disk_fills_up_keeps_every_whole_line(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    recorder = Recorder(tmp_path / "record")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
        for event in EVENTS:
            recorder.emit(event)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    recorder.emit(EVENTS[-1])
    recorder.close()
    assert (tmp_path / "record").read_text().endswith("\n")
    kept = list(read(tmp_path / "record"))
    assert 0 < len(kept) < len(EVENTS)
    assert kept == EVENTS[: len(kept)]
