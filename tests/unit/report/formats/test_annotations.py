"""Annotations of GitHub: the findings at their files, few enough to be shown, and escaped so that no text gives a command."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.unit.load.example import result
from tests.unit.report.conftest import waiver
from tests.unit.report.formats.test_sarif import add
from validation.load.report.annotations import of_load
from validation.report.formats import annotations
from validation.report.formats.annotations import SHOWN_MAX, Annotation, command, commands
from validation.report.model import load

COMMAND = re.compile(r"::(?P<level>error|warning) (?P<properties>[^:\r\n]*)::(?P<message>[^\r\n]*)")
"""What the runner of GitHub reads: the first :: after the name ends the properties, and the line ends the message."""


def read(line: str) -> dict[str, str]:
    """Read a workflow command as GitHub does."""
    found = COMMAND.fullmatch(line)
    assert found, line
    values = dict(one.split("=", 1) for one in found["properties"].split(","))
    decoded = {name: re.sub("%(25|0D|0A|3A|2C)", lambda m: chr(int(m[1], 16)), value) for name, value in values.items()}
    message = re.sub("%(25|0D|0A)", lambda m: chr(int(m[1], 16)), found["message"])
    return {"level": found["level"], "message": message} | decoded


@given(st.text(), st.text(), st.text())
def test_any_text_stays_one_command_and_is_read_again(title: str, message: str, path: str) -> None:
    found = read(command(Annotation("error", f"t{title}", f"m{message}", f"f{path}.py:7")))
    assert set(found) <= {"level", "message", "title", "file", "line"}
    if f"{title}{message}".isprintable() and len(f"{title}{message}") < 100 and "  " not in title and title == title.strip():
        assert (found["title"], found["message"]) == (f"t{title}", f"m{message}")


@pytest.mark.parametrize("hostile", ["\r\n::stop-commands::x", "%0A::error::x", "a,line=1::b", "]]>", "\x1b[2J\x00", "x" * 5_000_000])
def test_hostile_text_is_text(hostile: str) -> None:
    line = command(Annotation("warning", hostile, hostile, "README.md:3"))
    found = read(line)
    assert (found["level"], found["file"], found["line"]) == ("warning", "README.md", "3")
    assert len(line) < 10_000
    assert line.isprintable()


def test_a_finding_is_at_its_file_and_says_how_to_repeat_it(record: Any) -> None:
    record.start(["1.3", "2.5"])
    add(record, "1.3", "chart/values.yaml:12", subject="port, really")
    run = load(record.end())
    first, second = map(read, commands(annotations.of_run(run, "app/")))
    assert (first["level"], first["file"], first["line"]) == ("error", "app/chart/values.yaml", "12")
    assert first["title"].startswith("1.3 ")
    assert first["message"].startswith("port, really 0: expected 1, observed 2\nlook there\nvotecheck run --checkpoint 1.3")
    assert (second["level"], second["title"]) == ("warning", "Not proven: 2.5")
    assert "file" not in read(commands(annotations.of_run(run, None))[0])


def test_harness_errors_are_errors_and_waived_findings_are_silent(failed: Path) -> None:
    found = [read(line) for line in commands(annotations.of_run(load(failed)))]
    assert [one["title"].split()[0] for one in found if one["level"] == "error"] == ["5.1", "votecheck"]
    assert "5.4" not in str(found)


def test_an_expired_waiver_is_an_error(record: Any) -> None:
    record.start(["5.1"], waivers=[waiver("5.1", expires="2020-01-01")])
    record.passes("5.1")
    (found,) = [read(line) for line in commands(annotations.of_run(load(record.end())))]
    assert (found["level"], found["message"].split("(")[0]) == ("error", "Its waiver expired on 2020-01-01 ")


def test_as_many_are_printed_as_github_shows_and_the_last_counts_the_rest() -> None:
    many = [Annotation(level, f"{n}", "m") for n in range(25) for level in ("error", "warning")]
    found = [read(line) for line in commands(many)]
    assert [sum(one["level"] == level for one in found) for level in ("error", "warning")] == [SHOWN_MAX, SHOWN_MAX]
    assert [one["title"] for one in found if one["level"] == "error"] == [*map(str, range(9)), "16 more"]
    assert len(commands(many[:20])) == 20
    assert "more" not in "".join(commands(many[:20]))


def test_a_run_that_is_go_is_silent(clean: Path) -> None:
    assert commands(annotations.of_run(load(clean))) == []


def test_a_load_run_names_each_limit_that_did_not_hold() -> None:
    found = [read(line) for line in commands(of_load(result()))]
    assert [(one["level"], one["title"]) for one in found] == [
        ("error", "Limit broken in load baseline: vote, p99"),
        ("error", "Limit broken in load baseline: votes lost"),
        ("warning", "Not proven in load baseline: memory of redis"),
    ]
    assert found[0]["message"].startswith("limit at most 50 ms, observed 75 ms (50 % over)")
    assert commands(of_load(structs.replace(result(), checks=[]))) == []
