"""A waiver file is complete and exact, or rejected with the reason."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from validation.core.errors import UsageError
from validation.record.waivers import read_waivers

GOOD = 'id = "4.3"\nfinding = "seccomp"\nversion = "0.3.2"\nreason = "no seccomp there"\nowner = "release board"\nexpires = 2026-12-31\n'
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        file = tmp_path / "waivers.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return to_file


def test_a_complete_waiver_is_read(write: Write) -> None:
    expected = {
        "id": "4.3",
        "finding": "seccomp",
        "version": "0.3.2",
        "reason": "no seccomp there",
        "owner": "release board",
        "expires": "2026-12-31",
    }
    assert read_waivers(write(f"[[waiver]]\n{GOOD}")) == [expected]


def test_no_file_and_an_empty_file_waive_nothing(write: Write) -> None:
    assert read_waivers(None) == read_waivers(write("")) == []


def test_an_id_is_normalised(write: Write) -> None:
    (waiver,) = read_waivers(write("[[waiver]]\n" + GOOD.replace("4.3", "b1")))
    assert waiver["id"] == "B1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[waiver]\n", "Cannot read the waivers"),
        ("[[waivers]]\n" + GOOD, "Unexpected: waivers"),
        ("[waiver]\n" + GOOD, "must be a list of tables"),
        ("waiver = 3\n", "must be a list of tables"),
        ('waiver = ["4.3"]\n', "it is not a table"),
        ("[[waiver]]\n" + GOOD.replace("owner", "boss"), "unexpected key: boss"),
        ("[[waiver]]\n" + GOOD.partition("expires")[0], "missing key: expires"),
        ("[[waiver]]\n" + GOOD + 'more = "of it"\n', "unexpected key: more"),
        ("[[waiver]]\n" + GOOD.replace("2026-12-31", '"2026-12-31"'), "expires must be a date such as 2026-12-31"),
        ("[[waiver]]\n" + GOOD.replace("2026-12-31", "2026-12-31T00:00:00Z"), "expires must be a date such as 2026-12-31"),
        ("[[waiver]]\n" + GOOD.replace('"no seccomp there"', '" "'), "reason is empty"),
        ("[[waiver]]\n" + GOOD.replace('"4.3"', "4.3"), "id must be text in quotes"),
        ("[[waiver]]\n" + GOOD.replace("4.3", "9.9"), "There is no checkpoint 9.9"),
        ("[[waiver]]\n" + GOOD.replace("4.3", "4.2,4.3"), "There is no checkpoint 4.2,4.3"),
        (f"[[waiver]]\n{GOOD}[[waiver]]\n{GOOD}", "waives the same finding twice"),
    ],
)
def test_an_unusable_file_is_wrong_usage_and_the_error_names_the_problem(write: Write, text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        read_waivers(write(text))


def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "nowhere", tmp_path, tmp_path / "image"):
        with pytest.raises(UsageError, match="Cannot read the waivers"):
            read_waivers(file)
