"""Records and statistics are read as written, and those of a killed generator up to the last complete line."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import generator_stats
from loadtests.records import LINE, NAMES, OPTIONS, READ_LINES, Line, Writer, key_of, new_process, read

moments = st.floats(allow_nan=False)
lines = st.builds(
    Line,
    name=st.sampled_from(NAMES),
    intended=moments,
    sent=moments,
    ended=moments,
    number=st.integers(0, 2**32 - 1),
    status=st.integers(0, 999),
    option=st.sampled_from(("", *OPTIONS)),
    vote_id=st.none() | st.uuids().filter(lambda found: any(found.bytes)),
)
SECONDS = [generator_stats.Second(1.02, 0.25, 0.1), generator_stats.Second(2.03, 0.5, 12.5)]


def written(folder: Path, noted: list[Line]) -> str:
    with Writer(folder) as writer:
        for line in noted:
            writer.write(line)
    return writer.process


def line(number: int) -> Line:
    return Line("vote", 1.0, 2.0, 3.0, number, 201, "cats", None)


@given(noted=st.lists(lines))
def test_records_are_read_as_written(noted: list[Line]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        process = written(Path(folder), noted)
        assert list(read(Path(folder))) == [(process, one) for one in noted]


def test_an_incomplete_last_line_is_skipped(tmp_path: Path) -> None:
    process = written(tmp_path, [line(0), line(1)])
    file = tmp_path / f"{process}.votes"
    for missing in range(1, LINE.size):
        os.truncate(file, 2 * LINE.size - missing)
        assert list(read(tmp_path)) == [(process, line(0))]


def test_files_larger_than_one_read_are_read_completely(tmp_path: Path) -> None:
    written(tmp_path, [line(number) for number in range(2 * READ_LINES + 1)])
    assert [one.number for _, one in read(tmp_path)] == list(range(2 * READ_LINES + 1))


def test_a_flushed_line_can_be_read(tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        writer.write(line(7))
        assert list(read(tmp_path)) == []
        writer.flush()
        assert list(read(tmp_path)) == [(writer.process, line(7))]


def test_two_runs_of_one_process_have_separate_files_and_keys(tmp_path: Path) -> None:
    first, second = written(tmp_path, [line(0)]), written(tmp_path, [line(0)])
    assert {process for process, _ in read(tmp_path)} == {first, second}
    assert len({key_of(process, 0) for process in (first, second, new_process(), new_process())}) == 4


def test_a_missing_folder_has_no_records(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none")) == []
    assert generator_stats.read(tmp_path / "none") == []


def noted(folder: Path) -> Path:
    with generator_stats.Writer(folder, "1-abc", 1_795_000_000.5) as writer:
        for planned, second in enumerate(SECONDS, 1):
            writer.write(second, 100 * planned)
        writer.write(None, 234)
    return folder / "generator-1-abc.jsonl"


def test_generator_statistics_are_read_as_written(tmp_path: Path) -> None:
    noted(tmp_path)
    assert generator_stats.read(tmp_path) == [generator_stats.Generator("1-abc", 1_795_000_000.5, 234, SECONDS)]


@pytest.mark.parametrize(("kept", "planned", "seconds"), [(4, 200, 2), (3, 100, 1), (2, 0, 0)])
def test_statistics_of_a_killed_generator_end_with_the_last_complete_line(tmp_path: Path, kept: int, planned: int, seconds: int) -> None:
    file = noted(tmp_path)
    whole = file.read_text().splitlines(keepends=True)
    file.write_text("".join(whole[:kept])[:-1])
    assert generator_stats.read(tmp_path) == [generator_stats.Generator("1-abc", 1_795_000_000.5, planned, SECONDS[:seconds])]


def test_a_generator_without_a_complete_line_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "generator-1-abc.jsonl").write_text('{"process": "1-a')
    assert generator_stats.read(tmp_path) == []
