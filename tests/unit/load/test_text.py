import csv
import io
import re
from pathlib import Path

import pytest
from msgspec import structs
from rich.console import Console

from tests.unit.load.example import CHECKS, FAULT, RECONCILED, SECONDS, VOTE, everywhere, nothing, result, samples, seconds
from validation.load.report import text
from validation.load.result import Check, Knee, LoadResult, Sample

HOSTILE = "<script>alert(1)</script> [red]red[/red] \x1b[2J\x00 | ` & @board #1 https://example.org [x](y) \u202e\n\n# NEXT | end"
FOLDER = Path("/reports/20261123-093000-aaaa")


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def summed_up(of: LoadResult, *, width: int = 120, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width)
    text.summary(of, console, FOLDER)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_summary_begins_with_the_verdict_and_ends_with_the_report() -> None:
    lines = summed_up(result()).strip().splitlines()
    assert lines[0] == "NO-GO   2 of 5 limits broken: vote, p99; votes lost; 1 not proven"
    assert lines[-1] == f"Report: {FOLDER / 'index.html'}"


def test_the_summary_is_ordered_from_broken_limits_to_the_schedule() -> None:
    said = summed_up(result())
    told = (
        "BROKEN      vote, p99",
        "BROKEN      votes lost",
        "NOT PROVEN  memory of redis",
        "p99.9",
        "Reconciliation FAILED",
        "Knee:",
        "Fault:",
        "Schedule:",
    )
    places = [said.index(one) for one in told]
    assert places == sorted(places)
    assert re.search(r"vote, p99\n +limit +at most 50 ms\n +seen +75 ms \(50 % over\)\n", said)
    assert re.search(r"memory of redis\n.*\n.*\n +why +its process was not there\n", said)


def test_checks_that_held_are_not_listed() -> None:
    assert "vote, p50" not in summed_up(result())
    assert "vote, p50" not in text.markdown(result())


@pytest.mark.parametrize("number", range(40))
def test_every_broken_limit_is_in_the_summary(number: int) -> None:
    checks = [Check(f"limit-{n}.", f"wanted-{n}.", f"found-{n}.", False, f"because-{n}.") for n in range(40)]
    of = structs.replace(result(), checks=checks)
    for said in (summed_up(of), text.markdown(of).replace("&#45;", "-")):
        for part in ("limit", "wanted", "found", "because"):
            assert f"{part}-{number}." in said


def test_the_table_has_every_percentile_of_every_name() -> None:
    (head,) = [line for line in summed_up(result()).splitlines() if line.startswith("ms")]
    (vote,) = [line for line in summed_up(result()).splitlines() if line.startswith("vote ")]
    assert re.split(r"\s{2,}", head) == [
        "ms",
        "requests",
        "failed",
        "per second",
        "p50",
        "p95",
        "p99",
        "p99.9",
        "max",
        "service p50",
        "service p99",
    ]
    assert re.split(r"\s{2,}", vote) == ["vote", "16 000", "12", "998", "1.25", "9.5", "75", "210", "640", "1.1", "61"]


@pytest.mark.parametrize("width", [32, 40, 60, 80, 88, 100])
def test_a_narrow_terminal_gets_a_table_that_fits(width: int) -> None:
    said = summed_up(result(), width=width).splitlines()
    start = next(n for n, line in enumerate(said) if line.startswith("ms"))
    table = said[start : start + 3]
    assert all(len(line.rstrip()) <= width for line in table)
    assert [name in table[0] for name in ("p50", "p95", "p99")] == [True] * 3
    assert re.search(r"vote .*1\.25 +9\.5 +75", table[1])
    assert "…" not in "".join(table)


def test_only_columns_that_do_not_fit_are_left_out() -> None:
    needed = max(len(line) for line in summed_up(result()).splitlines() if line.startswith(("ms", "vote ")))
    assert "p99.9" in summed_up(result(), width=needed)
    assert "p99.9" not in summed_up(result(), width=needed - 1)


def test_the_verdict_is_coloured_unless_colour_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert colour.search(summed_up(result(), terminal=True).strip().splitlines()[0])
    monkeypatch.setenv("NO_COLOR", "1")
    said = summed_up(result(), terminal=True)
    assert not colour.search(said)
    assert "NO-GO" in said


def test_text_from_the_system_is_neither_markup_nor_an_escape_sequence() -> None:
    said = summed_up(everywhere(HOSTILE), terminal=True)
    assert "<script>alert(1)</script> [red]red[/red] \\x1b[2J\\x00" in said
    assert not [told for told in ("\x1b[2J", "\x00", "\u202e", "\n# NEXT") if told in said]
    assert len(summed_up(everywhere("\x00" * 100_000))) < 50_000


def test_a_summary_without_observations_says_so() -> None:
    said = summed_up(nothing())
    assert "INCOMPLETE   No limit was checked: nothing was observed" in said
    for told in ("Requests: nothing was observed", "Reconciliation: nothing was observed", "Report:"):
        assert told in said
    assert "Knee" not in said


def test_the_headline_counts() -> None:
    def told(*held: bool | None) -> str:
        checks = [Check(f"c{n}", "", "", one) for n, one in enumerate(held)]
        return text.headline(structs.replace(result(), checks=checks))

    assert told(True, True) == "All 2 limits held"
    assert told(True, None) == "1 of 2 limits not proven: c1"
    assert told(False, None, None, True) == "1 of 4 limits broken: c0; 2 not proven"
    assert told(*[False] * 5) == "5 of 5 limits broken: c0; c1; c2; and 2 more"


@pytest.mark.parametrize(
    ("limit", "seen", "margin"),
    [
        ("at most 20 ms", "5 ms", "75 % left"),
        ("at most 20 ms", "25 ms", "25 % over"),
        ("at most 20 ms", "20.01 ms", "0 % over"),
        ("at least 1980 per second", "1000 per second", "49 % under"),
        ("at least 100 per second", "150 per second", "50 % left"),
        ("at least 1e+05 per second", "1 per second", ""),
        ("at most 500 ms", "1.2e+03 ms", "140 % over"),
        ("within 15 s", "3.0 s", "80 % left"),
        ("at most 1 %", "30 of 1000", "200 % over"),
        ("at most 0.01", "1 of 1000", "90 % left"),
        ("at most 1 %", "0 of 0", ""),
        ("at most 0", "3 of 1000", ""),
        ("at most 20 ms", "5 s", ""),
        ("at most 20 ms", "nothing", ""),
        ("drained", "drained", ""),
        ("grows by at most 32 MiB", "90 to 100 MiB", ""),
    ],
)
def test_the_margin_is_how_much_of_the_limit_is_left(limit: str, seen: str, margin: str) -> None:
    assert text.margin(Check("x", limit, seen, True)) == margin


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.0, "0"), (0.8239, "0.824"), (3.1, "3.1"), (47.26, "47.3"), (12345, "12 345"), (1e6, "1 000 000"), (1000, "1 000"),
     (99.96, "100"), (-2.5, "-2.5"), (0.00004, "0"), (float("nan"), "-"), (float("inf"), "-")],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, written: str) -> None:
    assert text.number(value) == written


@pytest.mark.parametrize("wrong", ["lost", "never_accepted", "wrong_option", "count_difference"])
def test_a_reconciliation_with_anything_wrong_fails(wrong: str) -> None:
    clean = structs.replace(RECONCILED, lost=0, count_difference=0)
    assert text.reconciliation_line(clean).startswith("Reconciliation passed: 20 000 accepted, 0 lost")
    told = text.reconciliation_line(structs.replace(clean, **{wrong: 4321}))
    assert told.startswith("Reconciliation FAILED")
    assert "4 321" in told


def test_the_knee_has_one_line() -> None:
    line = text.knee_line
    assert line(Knee(2500, 3000, ["api: 0.97 of a core"])) == (
        "Knee: kept up with 2 500 requests per second; fell behind at 3 000, where this was saturated: api: 0.97 of a core"
    )
    assert line(Knee(2500, None, [])) == "Knee: kept up with 2 500 requests per second, and no higher rate was tried"
    assert line(Knee(0, 500, [])) == (
        "Knee: did not keep up with the first rate; fell behind at 500, where this was saturated: nothing that was sampled"
    )
    assert line(Knee(0, None, [])) == "Knee: nothing was observed"


def test_a_fault_has_its_effect_and_recovery() -> None:
    assert text.fault_line(FAULT) == "Fault: Redis is paused, 10 to 14 s: no answer to PING for 4 s; latency recovered 2.5 s after its end"
    lasting = text.fault_line(structs.replace(FAULT, seen="", recovered_after=None))
    assert lasting.endswith("no effect was seen; latency did not recover")


def test_markdown_has_verdict_problems_measurements_and_reconciliation() -> None:
    written = text.markdown(result())
    assert written.startswith("# NO-GO\n\n2 of 5 limits broken: vote, p99; votes lost; 1 not proven\n")
    assert "| **broken** | vote, p99 | at most 50 ms | 75 ms | 50 % over |  |" in written
    assert "| **not proven** | memory of redis |" in written
    assert "| vote | 16 000 | 12 | 998 | 1.25 | 9.5 | 75 | 210 | 640 | 1.1 | 61 |" in written
    assert "- Reconciliation FAILED: 20 000 accepted, 2 lost" in written
    assert "- Knee: kept up with 2 500" in written


def test_every_row_of_markdown_has_the_cells_of_its_head() -> None:
    for of in (result(), everywhere(HOSTILE), structs.replace(result(), latencies=[VOTE])):
        tables = [t for t in text.markdown(of).split("\n\n") if t.startswith("|")]
        assert len(tables) == 2
        for table in tables:
            assert len({row.count("|") for row in table.strip().splitlines()}) == 1


def test_markdown_mentions_links_and_formats_nothing() -> None:
    written = text.markdown(everywhere(HOSTILE))
    assert "&#60;script&#62;" in written
    assert not [mark for mark in ("<", "@", "https:", "[x]", "`", "\n# NEXT", "\x1b", "\x00", "\u202e") if mark in written]


def test_markdown_without_observations_says_so() -> None:
    written = text.markdown(nothing())
    assert written.startswith("# INCOMPLETE\n\nNo limit was checked")
    assert written.count("nothing was observed") == 4
    assert "|" not in written


def read_back(of: LoadResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.timeline_csv(of)), strict=True))


def test_the_csv_has_a_row_a_second_and_reads_back() -> None:
    rows = read_back(result())
    assert len(rows) == SECONDS
    for row, second, sample in zip(rows, seconds(), samples(), strict=True):
        numbers = (second.at, second.planned, second.answered, second.failed, second.p50, second.p95, second.p99)
        names = ("at_s", "planned_per_s", "answered", "failed", "p50_ms", "p95_ms", "p99_ms")
        assert tuple(float(row[name]) for name in names) == numbers
        for name, value in (
            ("lag_entries", sample.lag),
            ("pending_entries", sample.pending),
            ("oldest_s", sample.oldest),
            ("cpu_api_cores", sample.cpu["api"]),
            ("cpu_redis_cores", sample.cpu.get("redis")),
            ("memory_api_mib", sample.memory["api"]),
        ):
            assert row[name] == ("" if value is None else str(value))


def test_a_second_without_answers_has_no_latency_and_one_without_a_sample_no_queue() -> None:
    silent = [structs.replace(s, answered=0, p50=0.0, p95=0.0, p99=0.0) if s.at == 3 else s for s in seconds()]
    rows = read_back(structs.replace(result(), timeline=silent, samples=[s for s in samples() if s.at != 5]))
    assert (rows[3]["answered"], rows[3]["p50_ms"], rows[3]["p99_ms"]) == ("0", "", "")
    assert (rows[5]["lag_entries"], rows[5]["cpu_api_cores"], rows[5]["answered"]) == ("", "", "995")


def test_the_last_sample_of_a_second_wins_and_samples_after_the_schedule_have_rows() -> None:
    more = [Sample(at, int(at * 100), 0, 0.0, {}, {}) for at in (18.0, 18.5, 19.2, 21.5)]
    rows = read_back(structs.replace(result(), samples=more))
    assert [(row["at_s"], row["lag_entries"], row["answered"]) for row in rows[18:]] == [
        ("18", "1850", "982"),
        ("19", "1920", "981"),
        ("21", "2150", ""),
    ]


def test_the_csv_of_an_empty_run_is_its_header() -> None:
    assert read_back(nothing()) == []
    assert text.timeline_csv(nothing()).startswith("at_s,planned_per_s,answered,failed,p50_ms")


def test_a_hostile_part_cannot_leave_its_column() -> None:
    (head, *rows) = csv.reader(io.StringIO(text.timeline_csv(everywhere(HOSTILE + '",=cmd()\n'))))
    assert len(rows) == SECONDS
    assert {len(row) for row in rows} == {len(head)}
    assert not [cell for cell in head if re.search("[\x00-\x1f]", cell) or cell.startswith("=")]


def test_the_word_of_a_check_says_whether_it_held() -> None:
    assert [text.word(check) for check in text.worst_first(CHECKS)] == ["broken", "broken", "not proven", "held", "held"]
