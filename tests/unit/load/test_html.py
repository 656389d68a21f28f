import re

import pytest
from msgspec import structs

from tests.unit.load.example import CHECKS, FAULT, RECONCILED, SECONDS, VOTE, everywhere, nothing, result, samples
from tests.unit.report import page as report
from validation.load.report.html import render
from validation.load.result import LoadResult, Sample

HOSTILE = "<script>alert(1)</script> \"><img src=x onerror=1> </style></title> {{ 7*7 }} \x1b[2J\x00 \u202e ' & end"
LINKS = {"Locust's own report": "locust.html", "Each second": "seconds.csv"}


class Page(report.Page):
    """A page with plain dashes, as the tests write them."""

    @property
    def text(self) -> str:
        return super().text.replace("\u2013", "-")


def page(of: LoadResult, links: dict[str, str] | None = None) -> Page:
    return Page(render(of, LINKS if links is None else links))


def test_the_page_begins_with_the_verdict_and_its_facts() -> None:
    first = page(result()).text.partition("Limits")[0]
    for told in (
        "NO-GO",
        "2 of 5 limits broken: vote, p99; votes lost; 1 not proven",
        "0.3.2",
        "20261123-093000-aaaa",
        "2026-11-23 09:30:00 UTC",
    ):
        assert told in first
    for told in (
        "baseline",
        "local",
        "20.0 s",
        "4.0 s of it warm-up",
        "20 000 requests planned, 3 never sent",
        "2 generator processes",
        "cores 2",
    ):
        assert told in first


@pytest.mark.parametrize("verdict", ["PASSED", "NO-GO", "INCOMPLETE", "PARTIAL"])
def test_the_verdict_is_a_word_and_a_colour(verdict: str) -> None:
    told = page(structs.replace(result(), verdict=verdict))
    assert told.all("div", "verdict")[0]["class"] == f"verdict {verdict.lower()}"
    assert verdict in told.text


def test_checks_are_listed_worst_first_with_limit_observation_and_margin() -> None:
    rests = page(result()).text.partition("Limits")[2].partition("The knee")[0]
    assert [rests.index(check.what) for check in (CHECKS[1], CHECKS[3], CHECKS[4], CHECKS[0], CHECKS[2])] == sorted(
        rests.index(check.what) for check in CHECKS
    )
    for told in (
        "vote, p99 at most 50 ms 75 ms 50 % over broken",
        "votes lost 0 2 of 20000 - broken",
        "memory of redis its process was not there grows by at most 32 MiB nothing - not proven",
        "vote, rate at least 1000 per second 1100 per second 10 % left held",
    ):
        assert told in rests


def test_the_page_has_knee_fault_percentiles_and_reconciliation() -> None:
    said = page(result()).text
    for told in (
        "requests per second 2 500",
        "requests per second 3 000",
        "Saturated there api: 0.97 of a core",
        "F1 Redis is paused 10 to 14 s no answer to PING for 4 s 2.5 s after its end",
        (
            "vote 16 000 requests, 12 failed, 998 per second scheduled time (latency) 1.25 9.5 75 210 640 "
            "sending (service time) 1.1 8 61 205 630"
        ),
        "accepted: answered with 201 20 000 -",
        "sent again with their keys 7 -",
        "accepted but not counted 2 broken",
        "never accepted 0 held",
        "the wrong option 0 held",
        "between counts and ledger 1 broken",
        "Wrong votes lost 01985f1e lost 01985f1f",
    ):
        assert told in said


def test_a_fault_without_effect_or_recovery_says_so() -> None:
    lasting = structs.replace(result(), faults=[structs.replace(FAULT, seen="", recovered_after=None)])
    assert "F1 Redis is paused 10 to 14 s none not before the end" in page(lasting).text


def test_a_knee_that_was_not_reached_says_so() -> None:
    of = structs.replace(result(), knee=structs.replace(result().knee, first_broken=None, saturated=[]))  # type: ignore[type-var]
    assert "First rate that was not sustained, requests per second not reached" in page(of).text


def test_text_from_the_system_is_never_markup() -> None:
    written = render(everywhere(HOSTILE), {HOSTILE: HOSTILE})
    told = Page(written)
    assert not {tag for tag, _ in told.tags} & {"script", "img", "iframe", "object"}
    assert not [name for _, attributes in told.tags for name in attributes if name.startswith("on")]
    assert (told.unbalanced, told.open) == ([], [])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", written)
    shown = "<script>alert(1)</script> \"><img src=x onerror=1> </style></title> {{ 7*7 }} \\x1b[2J\\x00 \\u202e ' & end"
    # The text of each field: facts, checks, knee, fault, request, listed, part, machine, versions, link, titles and descriptions.
    assert told.text.count(shown) >= 30


def test_an_endless_text_is_cut() -> None:
    assert len(render(everywhere("\x00" * 200_000), {})) < len(render(result(), {})) + 100 * 4 * 4100


@pytest.mark.parametrize("file", ["javascript:alert(1)", "//example.org/x", "https://example.org/x", "data:text/html,x"])
def test_a_link_leads_to_a_file_beside_the_page(file: str) -> None:
    (link,) = [a["href"] for a in page(result(), {"It": file}).all("a") if not (a["href"] or "").startswith("#")]
    assert link
    assert link.startswith("./")
    assert ":" not in link


def test_the_page_has_exactly_the_given_links() -> None:
    hrefs = [a["href"] for a in page(result()).all("a")]
    assert [h for h in hrefs if h and not h.startswith("#")] == ["./locust.html", "./seconds.csv"]
    assert not page(nothing(), {}).all("a")


def test_the_page_needs_no_network_and_no_script() -> None:
    told = page(result())
    assert not [a for _, a in told.tags if "src" in a or "action" in a]
    assert any("default-src 'none'" in (a.get("content") or "") for a in told.all("meta"))
    style = re.search("<style>(.*)</style>", render(result(), {}), re.DOTALL)
    assert style
    assert "--failed" in style[1]
    assert "--s0" in style[1]
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_every_internal_link_resolves_and_ids_are_unique() -> None:
    told = page(structs.replace(result(), faults=[FAULT, FAULT]))
    ids = [a["id"] for _, a in told.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    wanted = {(a["href"] or "")[1:] for a in told.all("a") if (a["href"] or "").startswith("#")}
    wanted |= {one for _, a in told.tags for one in (a.get("aria-labelledby") or "").split()}
    assert wanted <= set(ids)
    assert "faults" in wanted


def test_the_page_is_well_formed() -> None:
    for of in (result(), nothing()):
        told = page(of)
        assert (told.unbalanced, told.open) == ([], [])
        assert all("scope" in a for a in told.all("th"))


def test_each_chart_has_a_title_a_description_units_and_a_grid() -> None:
    told = page(result())
    plots = told.all("svg", "plot")
    assert len(plots) == 7 + 3
    assert all(a["role"] == "img" for a in plots)
    assert len(told.all("title")) == 1 + len(plots)
    assert len(told.all("desc")) == len(plots)
    for unit in (
        "requests per second",
        "ms, log scale",
        "stream entries",
        "cores",
        "MiB",
        "share, %",
        "seconds since the start of the schedule",
    ):
        assert unit in told.text
    assert len(told.all("line", "grid")) >= 6 * len(plots)


def test_faults_and_the_warm_up_are_drawn_on_each_chart_over_time() -> None:
    told = page(structs.replace(result(), faults=[FAULT, structs.replace(FAULT, begun=15.0, ended=16.0)]))
    assert [(a["x"], a["width"]) for a in told.all("rect", "fault")] == [("50.0%", "20.0%"), ("75.0%", "5.0%")] * 7
    assert [a["width"] for a in told.all("rect", "warm-up")] == ["20.0%"] * 7


def drawn(of: LoadResult) -> list[str]:
    return [a["points"] or "" for a in page(of).all("polyline")]


def test_every_line_is_complete_and_broken_only_where_nothing_was_read() -> None:
    whole = drawn(structs.replace(result(), samples=samples()[:11]))
    assert len(whole) == 2 + 3 + 1 + 2 + 1 + 2 + 1
    assert len(drawn(result())) == len(whole) + 4  # lag, pending, oldest and the CPU of redis in two pieces each
    assert all(re.fullmatch(r"(\d+(\.\d+)?,\d+(\.\d+)? )+", points) for points in drawn(result()))


def test_a_long_run_is_drawn_to_its_end() -> None:
    long = [structs.replace(second, at=at) for at, second in enumerate(result().timeline * 60)]
    longest = max(drawn(structs.replace(result(), timeline=long)), key=len)
    assert longest.count(",") == 2 * 60 * SECONDS  # the planned rate: both ends of each second
    assert float(longest.split()[-1].split(",")[0]) == 100


def test_an_empty_chart_is_a_sentence_without_a_frame() -> None:
    told = page(nothing())
    assert not told.all("svg")
    assert not told.all("table")
    assert told.text.count("nothing was observed") >= 7 + 5
    assert "It is unknown whether every accepted vote was counted." in told.text


def test_samples_that_could_not_be_read_are_replaced_by_words_too() -> None:
    unread = structs.replace(result(), samples=[Sample(1.0, None, None, None, {}, {})])
    said = page(unread).text
    for title in ("Votes not yet counted", "Age of the oldest uncounted vote", "CPU of each part", "Memory of each part"):
        assert f"{title}: nothing was observed." in said
    assert "Throughput: nothing was observed." not in said


def test_a_passed_reconciliation_lists_no_vote() -> None:
    said = page(structs.replace(result(), reconciliation=structs.replace(RECONCILED, lost=0, count_difference=0, listed=[]))).text
    assert "Wrong votes" not in said
    assert "lost: accepted but not counted 0 held" in said


def test_a_list_that_was_cut_says_so() -> None:
    assert (
        "Wrong votes, the first 20" in page(structs.replace(result(), reconciliation=structs.replace(RECONCILED, listed=["x"] * 20))).text
    )


def test_a_name_without_a_histogram_keeps_its_figures() -> None:
    said = page(structs.replace(result(), latencies=[structs.replace(VOTE, histogram=[])], reconciliation=None)).text
    assert "Latency of vote: nothing was observed." in said
    assert "1.25 9.5 75 210 640" in said


def test_a_start_that_is_not_a_time_is_shown_unchanged() -> None:
    assert "Started sometime" in page(structs.replace(result(), started="sometime")).text
