import json
import re
from pathlib import Path

import pytest

from tests.unit.defects.example import COLUMNS, DEFECTS, MATRIX, row
from tests.unit.report.page import Page
from validation.defects.matrix.html import document, render, write
from validation.defects.matrix.matrix import Matrix
from validation.defects.results import Observation
from validation.registry.checkpoints import registry

SELF_TESTED = frozenset({"2.3", "6.2", "7.1"})
HOSTILE = "<script>alert(1)</script> \"><img src=x onerror=1> </style></title> {{ 7*7 }} \x1b[2J\x00 \u202e ' & end"


def page(matrix: Matrix = MATRIX, self_tested: frozenset[str] = SELF_TESTED) -> Page:
    return Page(render(matrix, DEFECTS, self_tested))


def test_the_page_first_says_how_many_checkpoints_are_self_tested() -> None:
    first = page().text.partition("The matrix")[0]
    assert f"3 of 32 checkpoints are self-tested, and 0 of {len(registry()) - 32} beyond the protocol" in first
    assert "2 of 3 defects caught by every checkpoint that must catch it; survived: D4." in first


def test_each_cell_has_a_sign_a_word_and_a_colour() -> None:
    shown = page()
    classes = [a["class"] for a in shown.all("td") if (a.get("title") or "").startswith("D4, ")]
    plain = [(c or "").replace(" first", "") for c in classes]
    assert plain == ["passed", "passed", "survived expected", "passed", "also-failed", "open expected"]
    for sign, word in (("●", "caught"), ("✕", "survived"), ("○", "also failed"), ("?", "not proven")):
        assert f"{sign} {word}" in shown.text


def test_a_checkpoint_that_never_failed_says_zero() -> None:
    assert "Defects that fail it 1 0 0 1 2 0" in page().text


def test_checkpoints_that_never_failed_are_listed_with_their_state() -> None:
    shown = page(Matrix(MATRIX.rows[1:], COLUMNS), frozenset({"2.3", "6.2"})).text
    assert f"7.1 {registry()['7.1'].title} ALSO FAILED for D4, but must catch none of them" in shown
    assert re.search("5.1 [^|]*? NOT SELF-TESTED it failed for no defect", shown)
    assert re.search(r"6\.2 [^|]*? SELF-TESTED ELSEWHERE by a defect that is not in this matrix", shown)
    assert re.search(r"1\.1 [^|]*? NOT SELF-TESTED needs image", shown)


def test_the_page_lists_blast_radius_single_observations_and_excluded_defects() -> None:
    shown = page().text
    radius = shown.partition("Blast radius")[2]
    assert radius.index("D4 The wrong end") < radius.index("D3 Another field")
    assert "D13 No headers 2.3 headers of the answer a refused body: Then the headers are there" in shown
    assert "2 of 5 steps are the only one to catch some defect" in shown
    assert "Redundant here: never the only one 3" in shown
    assert "Never wrong here 1 of 5" in shown
    assert "needs a cluster D80 In a cluster" in shown


def test_harness_errors_are_listed() -> None:
    shown = page(Matrix((row("D13", error="It did not end."),), COLUMNS)).text
    assert "Harness errors D13 No headers It did not end." in shown


@pytest.mark.parametrize("matrix", [MATRIX, Matrix((), COLUMNS), Matrix((row("D13"),), COLUMNS)])
def test_the_page_is_well_formed_and_needs_no_network_and_no_script(matrix: Matrix) -> None:
    shown = page(matrix, frozenset())
    assert (shown.unbalanced, shown.open) == ([], [])
    assert all("scope" in a for a in shown.all("th"))
    assert not [a for _, a in shown.tags if {"src", "href", "action"} & set(a)]
    assert not {tag for tag, _ in shown.tags} & {"script", "img", "iframe", "link"}
    assert any("default-src 'none'" in (a.get("content") or "") for a in shown.all("meta"))
    ids = [a["id"] for _, a in shown.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in shown.tags if "aria-labelledby" in a} <= set(ids)
    assert shown.headings == sorted(shown.headings) or all(b - a <= 1 for a, b in zip(shown.headings, shown.headings[1:], strict=False))


def test_answers_of_the_system_are_escaped() -> None:
    hostile = Observation("2.3", HOSTILE, HOSTILE, HOSTILE)
    alone = row("D13", wrong=(hostile,), c2_3="FAILED")
    wordy = row("D3", wrong=(hostile, Observation("6.2", HOSTILE, HOSTILE, HOSTILE + "2")), c6_2="FAILED")
    broken = row("D4", error=HOSTILE)
    written = render(Matrix((alone, wordy, broken), COLUMNS, (Observation("5.1", HOSTILE, HOSTILE, HOSTILE),)), DEFECTS, SELF_TESTED)
    shown = Page(written)
    assert not {tag for tag, _ in shown.tags} & {"script", "img", "iframe"}
    assert (shown.unbalanced, shown.open) == ([], [])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", written)
    assert shown.text.count("<script>alert(1)</script>") >= 8


def test_the_files_are_written_and_agree(tmp_path: Path) -> None:
    text = write(tmp_path / "defects", MATRIX, DEFECTS, SELF_TESTED)
    assert (tmp_path / "defects/summary.md").read_text(encoding="utf-8") == text + "\n"
    found = json.loads((tmp_path / "defects/matrix.json").read_text(encoding="utf-8"))
    assert found == document(MATRIX, DEFECTS, SELF_TESTED)
    assert text.endswith(found["summary"])
    assert found["defects"][2]["cells"]["6.1"] == "survived"
    assert found["defects"][2]["blast_radius"] == 1
    assert found["never_failed"] == ["5.1", "6.1", "B1"]
    assert found["self_tested"] == ["2.3", "6.2", "7.1"]
    assert "</html>" in (tmp_path / "defects/index.html").read_text(encoding="utf-8")
