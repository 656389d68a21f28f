"""The page about other tools agrees with the catalogue; only remarks that the unchanged copy does not get count."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.other_tools.__main__ import TOOLS
from tests.other_tools.own_checkpoints import NAME
from tests.other_tools.tool import ORIGINAL, Outcome, Remarks, Tool, control, report
from validation.core.settings import PROJECT
from validation.defects.catalogue import Defect, catalogue

FILE = PROJECT / "docs" / "results" / "other-tools.md"
if os.environ.get("VOTECHECK_REGENERATE") == "1":  # the titles are the catalogue's; everything else needs a run of the tools
    with_titles = re.sub(
        r"^\| (D\d+) [^|]+ \|", lambda row: f"| {row[1]} {catalogue()[row[1]].title} |", FILE.read_text("utf-8"), flags=re.MULTILINE
    )
    FILE.write_text(with_titles, encoding="utf-8")
PAGE = FILE.read_text(encoding="utf-8")
TABLE = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.partition("\n\n## ")[0].splitlines() if line[:1] == "|"]
HEAD, COUNTS = TABLE[0], TABLE[-1]
ROWS = {row[0].split()[0]: dict(zip(HEAD[1:], row[1:], strict=True)) for row in TABLE[2:-1]}
SECONDS = 120


def a_tool(run: Callable[[Path, Defect | None], Remarks], *, runs: bool = False) -> Tool:
    must_report = control("chart/templates/api.yaml", "replicas: {{ .Values.api.replicas | int64 }}", "replicas: many")
    return Tool("tool", "", "", ("chart/*",), lambda: "1.0", run, must_report, runs)


def outcomes(tool: Tool) -> dict[str, Outcome]:
    return {result.defect: result.outcome for result in report(tool).results}


def test_the_page_has_a_row_for_each_of_the_eleven_under_its_title() -> None:
    assert [row[0] for row in TABLE[2:-1]] == [f"{i} {catalogue()[i].title}" for i in ORIGINAL]
    assert len(ORIGINAL) == 11


def test_the_column_of_votecheck_is_the_catalogue() -> None:
    assert {i: row[NAME] for i, row in ROWS.items()} == {i: f"**reports it**: {', '.join(catalogue()[i].checkpoints)}" for i in ORIGINAL}


def test_every_tool_has_a_column() -> None:
    assert HEAD[1:] == [NAME, *TOOLS]


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_cannot_check_what_it_does_not_read(name: str) -> None:
    told = {i: ROWS[i][name] for i in ORIGINAL}
    if set(told.values()) == {"not available"}:
        return
    assert {i for i, outcome in told.items() if outcome == "cannot check"} == {
        i for i in ORIGINAL if not TOOLS[name].can_check(catalogue()[i])
    }
    assert set(told.values()) <= {"**reports it**", "does not report it", "cannot check"}
    reported = {i for i, outcome in told.items() if outcome == "**reports it**"}
    assert reported == set(re.findall(rf"^- \*\*{name}, (D\d+)\*\*: `.+`", PAGE, re.MULTILINE))
    checked = sum(outcome != "cannot check" for outcome in told.values())
    assert dict(zip(HEAD, COUNTS, strict=True))[name] == f"{len(reported)} of {checked}"


def test_only_remarks_that_the_unchanged_copy_does_not_get_count() -> None:
    def run(copy: Path, defect: Defect | None) -> Remarks:
        writable = "readOnlyRootFilesystem: false" in (copy / "chart/templates/_helpers.tpl").read_text(encoding="utf-8")
        return frozenset({"always"} | ({"writable"} if writable else set()) | ({"many"} if defect and defect.id == "control" else set()))

    told = {result.defect: result for result in report(a_tool(run)).results}
    assert (told["D11"].outcome, told["D11"].remarks) == (Outcome.REPORTED, ("writable",))
    assert (told["D1"].outcome, told["D3"].outcome) == (Outcome.SILENT, Outcome.CANNOT_CHECK)


def test_a_tool_that_does_not_report_its_control_is_not_available() -> None:
    told = report(a_tool(lambda _copy, _defect: frozenset({"always"})))
    assert (told.outcome("D11"), told.results) == ("not available", ())
    assert "did not really run" in told.why


def test_a_remark_that_does_not_come_again_is_chance() -> None:
    calls = list[int]()

    def run(_copy: Path, defect: Defect | None) -> Remarks:
        calls.append(1)
        return frozenset({f"remark {len(calls)}"} if defect else set())

    assert outcomes(a_tool(run, runs=True))["D11"] is Outcome.SILENT


def test_a_setting_of_redis_reaches_tools_that_read_files_through_the_chart() -> None:
    shown = list[str]()

    def run(_copy: Path, defect: Defect | None) -> Remarks:
        shown.append(defect.id if defect else "")
        return frozenset({defect.id} if defect else set())

    assert outcomes(a_tool(run))["D5"] is Outcome.REPORTED
    assert "D49" in shown


def test_one_tool_runs_for_real(tmp_path: Path) -> None:
    ran = other_tools("--only", "helm lint", "--json", str(tmp_path / "tools.json"), "--page", str(tmp_path / "page.md"))
    assert ran.returncode == 0, ran.stderr
    assert "helm lint" in ran.stderr
    assert f"D1 {catalogue()['D1'].title}" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_an_unknown_tool_is_wrong_usage() -> None:
    ran = other_tools("--only", "nobody")
    assert (ran.returncode, "Unknown tool: nobody" in ran.stderr) == (2, True)


def other_tools(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.other_tools", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)
