import json
import re
from pathlib import Path

import pytest

from tests.unit.defects.example import COLUMNS, DEFECTS, MATRIX, row
from tests.unit.report.page import Page
from validation.defects.matrix.html import document, render, write
from validation.defects.matrix.matrix import Matrix
from validation.defects.results import Seen

SEEN = frozenset({"2.3", "6.2", "7.1"})
HOSTILE = "<script>alert(1)</script> \"><img src=x onerror=1> </style></title> {{ 7*7 }} \x1b[2J\x00 \u202e ' & end"


def page(matrix: Matrix = MATRIX, seen: frozenset[str] = SEEN) -> Page:
    return Page(render(matrix, DEFECTS, seen))


def test_the_first_thing_said_is_how_many_have_been_seen_to_fail() -> None:
    first = page().text.partition("The matrix")[0]
    assert "3 of 32 checkpoints have been seen to fail, and 0 of 20 beyond the protocol" in first
    assert "2 of 3 defects turned red every checkpoint that they name; missed: D4." in first


def test_each_cell_is_told_by_a_sign_a_word_and_a_colour() -> None:
    told = page()
    classes = [a["class"] for a in told.all("td") if (a.get("title") or "").startswith("D4, ")]
    plain = [(c or "").replace(" first", "") for c in classes]
    assert plain == ["passed", "passed", "missed named", "passed", "besides", "open named"]
    for sign, word in (("●", "named and caught"), ("✕", "named and missed"), ("○", "fell besides"), ("?", "not proven")):
        assert f"{sign} {word}" in told.text


def test_a_column_that_nothing_turned_red_says_zero() -> None:
    assert "Turned red by so many 1 0 0 1 2 0" in page().text


def test_what_nobody_has_seen_fall_is_told_with_its_state() -> None:
    told = page(Matrix(MATRIX.rows[1:], COLUMNS), frozenset({"2.3", "6.2"})).text
    assert "7.1 From vote to result FELL BESIDES by D4, none of which names it" in told
    assert re.search("5.1 [^|]*? UNPROVEN no defect has turned it red", told)
    assert re.search(r"6\.2 [^|]*? SEEN ELSEWHERE by a defect that is not in this matrix", told)
    assert re.search(r"1\.1 [^|]*? UNPROVEN needs image", told)


def test_radius_single_observations_and_what_is_absent_are_told() -> None:
    told = page().text
    radius = told.partition("Blast radius")[2]
    assert radius.index("D4 The wrong end") < radius.index("D3 Another field")
    assert "D13 No headers 2.3 headers of the answer a refused body: Then the headers are there" in told
    assert "2 of 5 steps are the only one to see some defect" in told
    assert "Redundant here: never the only one 3" in told
    assert "Never wrong: no defect here has turned them wrong 1 of 5" in told
    assert "needs a cluster D80 In a cluster" in told


def test_trouble_is_told() -> None:
    told = page(Matrix((row("D13", trouble="It did not end."),), COLUMNS)).text
    assert "Runs with trouble D13 No headers It did not end." in told


@pytest.mark.parametrize("matrix", [MATRIX, Matrix((), COLUMNS), Matrix((row("D13"),), COLUMNS)])
def test_the_page_is_well_built_and_needs_no_network_and_no_script(matrix: Matrix) -> None:
    told = page(matrix, frozenset())
    assert (told.unbalanced, told.open) == ([], [])
    assert all("scope" in a for a in told.all("th"))
    assert not [a for _, a in told.tags if {"src", "href", "action"} & set(a)]
    assert not {tag for tag, _ in told.tags} & {"script", "img", "iframe", "link"}
    assert any("default-src 'none'" in (a.get("content") or "") for a in told.all("meta"))
    ids = [a["id"] for _, a in told.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in told.tags if "aria-labelledby" in a} <= set(ids)
    assert told.headings == sorted(told.headings) or all(b - a <= 1 for a, b in zip(told.headings, told.headings[1:], strict=False))


def test_what_a_system_answers_stays_text() -> None:
    seen = Seen("2.3", HOSTILE, HOSTILE, HOSTILE)
    alone = row("D13", wrong=(seen,), c2_3="FAILED")
    wordy = row("D3", wrong=(seen, Seen("6.2", HOSTILE, HOSTILE, HOSTILE + "2")), c6_2="FAILED")
    troubled = row("D4", trouble=HOSTILE)
    written = render(Matrix((alone, wordy, troubled), COLUMNS, (Seen("5.1", HOSTILE, HOSTILE, HOSTILE),)), DEFECTS, SEEN)
    told = Page(written)
    assert not {tag for tag, _ in told.tags} & {"script", "img", "iframe"}
    assert (told.unbalanced, told.open) == ([], [])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", written)
    assert told.text.count("<script>alert(1)</script>") >= 8


def test_the_files_are_written_and_agree(tmp_path: Path) -> None:
    text = write(tmp_path / "defects", MATRIX, DEFECTS, SEEN)
    assert (tmp_path / "defects/summary.md").read_text(encoding="utf-8") == text + "\n"
    found = json.loads((tmp_path / "defects/matrix.json").read_text(encoding="utf-8"))
    assert found == document(MATRIX, DEFECTS, SEEN)
    assert text.endswith(found["said"])
    assert found["defects"][2]["cells"]["6.1"] == "named and missed"
    assert found["defects"][2]["blast_radius"] == 1
    assert found["unproven"] == ["5.1", "6.1", "B1"]
    assert found["self_tested"] == ["2.3", "6.2", "7.1"]
    assert "</html>" in (tmp_path / "defects/index.html").read_text(encoding="utf-8")
