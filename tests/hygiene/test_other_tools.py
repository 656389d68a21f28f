"""Other tools' verdicts: the page has the eleven as the catalogue does, and a guest sees what it says of the planted copy alone."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.other_tools.__main__ import GUESTS
from tests.other_tools.own_checkpoints import NAME
from tests.other_tools.tool import ORIGINAL, Guest, Says, Word, asked, control
from validation.core.settings import PROJECT
from validation.defects.catalogue import Defect, catalogue

PAGE = (PROJECT / "docs" / "results" / "other-tools.md").read_text(encoding="utf-8")
TABLE = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.partition("\n\n## ")[0].splitlines() if line[:1] == "|"]
HEAD, COUNTS = TABLE[0], TABLE[-1]
ROWS = {row[0].split()[0]: dict(zip(HEAD[1:], row[1:], strict=True)) for row in TABLE[2:-1]}
SECONDS = 120


def a_guest(ask: Callable[[Path, Defect | None], Says], *, runs: bool = False) -> Guest:
    must_see = control("chart/templates/api.yaml", "replicas: {{ .Values.api.replicas }}", "replicas: many")
    return Guest("guest", "", "", ("chart/*",), lambda: "1.0", ask, must_see, runs)


def words(guest: Guest) -> dict[str, Word]:
    return {verdict.defect: verdict.word for verdict in asked(guest).verdicts}


def test_the_page_has_a_row_for_each_of_the_eleven_under_its_title() -> None:
    assert [row[0] for row in TABLE[2:-1]] == [f"{i} {catalogue()[i].title}" for i in ORIGINAL]
    assert len(ORIGINAL) == 11


def test_our_column_is_the_catalogue() -> None:
    assert {i: row[NAME] for i, row in ROWS.items()} == {i: f"**sees**: {', '.join(catalogue()[i].checkpoints)}" for i in ORIGINAL}


def test_every_guest_has_a_column() -> None:
    assert HEAD[1:] == [NAME, *GUESTS]


@pytest.mark.parametrize("name", GUESTS)
def test_a_guest_cannot_look_where_it_does_not_read_what_the_defect_changes(name: str) -> None:
    told = {i: ROWS[i][name] for i in ORIGINAL}
    if set(told.values()) == {"not had here"}:
        return
    assert {i for i, word in told.items() if word == "cannot look"} == {i for i in ORIGINAL if not GUESTS[name].can_look(catalogue()[i])}
    assert set(told.values()) <= {"**sees**", "does not see", "cannot look"}
    seen = {i for i, word in told.items() if word == "**sees**"}
    assert seen == set(re.findall(rf"^- \*\*{name}, (D\d+)\*\*: `.+`", PAGE, re.MULTILINE))
    looked = sum(word != "cannot look" for word in told.values())
    assert dict(zip(HEAD, COUNTS, strict=True))[name] == f"{len(seen)} of {looked}"


def test_a_guest_sees_what_it_says_of_the_planted_copy_alone() -> None:
    def ask(copy: Path, defect: Defect | None) -> Says:
        writable = "readOnlyRootFilesystem: false" in (copy / "chart/templates/_helpers.tpl").read_text(encoding="utf-8")
        return frozenset({"always"} | ({"writable"} if writable else set()) | ({"many"} if defect and defect.id == "control" else set()))

    told = {verdict.defect: verdict for verdict in asked(a_guest(ask)).verdicts}
    assert (told["D11"].word, told["D11"].said) == (Word.SEES, ("writable",))
    assert (told["D1"].word, told["D3"].word) == (Word.SEES_NOT, Word.CANNOT)


def test_a_guest_that_does_not_see_its_control_was_not_asked() -> None:
    told = asked(a_guest(lambda _copy, _defect: frozenset({"always"})))
    assert (told.word("D11"), told.verdicts) == ("not had here", ())
    assert "did not look" in told.why


def test_a_remark_that_does_not_come_again_is_chance() -> None:
    calls = list[int]()

    def ask(_copy: Path, defect: Defect | None) -> Says:
        calls.append(1)
        return frozenset({f"remark {len(calls)}"} if defect else set())

    assert words(a_guest(ask, runs=True))["D11"] is Word.SEES_NOT


def test_what_is_a_setting_of_redis_is_shown_to_readers_of_files_as_the_chart_has_it() -> None:
    shown = list[str]()

    def ask(_copy: Path, defect: Defect | None) -> Says:
        shown.append(defect.id if defect else "")
        return frozenset({defect.id} if defect else set())

    assert words(a_guest(ask))["D5"] is Word.SEES
    assert "D49" in shown


def test_one_guest_is_asked_for_real(tmp_path: Path) -> None:
    ran = guests("--only", "helm lint", "--json", str(tmp_path / "guests.json"), "--page", str(tmp_path / "page.md"))
    assert ran.returncode == 0, ran.stderr
    assert "helm lint" in ran.stderr
    assert f"D1 {catalogue()['D1'].title}" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_a_guest_that_nobody_knows_is_wrong_usage() -> None:
    ran = guests("--only", "nobody")
    assert (ran.returncode, "There is no guest nobody" in ran.stderr) == (2, True)


def guests(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.other_tools", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
