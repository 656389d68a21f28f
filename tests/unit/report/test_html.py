import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.conftest import Record
from tests.unit.report.page import Page
from validation.record.events import Snapshot
from validation.registry.checkpoints import registry
from validation.report import html
from validation.report.model import load


@pytest.fixture
def page(failed: Path) -> Page:
    return Page(html.render(load(failed)))


def test_the_page_starts_with_the_verdict_and_its_facts(page: Page) -> None:
    first = page.text.partition("Blockers")[0]
    for told in (
        "NO-GO",
        "1 of 8 checkpoints failed (5.1)",
        "votecheck 0.3.2",
        "20261123-093000-aaaa",
        "2026-11-23 09:30:00 UTC",
        "local",
        "cores 2",
    ):
        assert told in first


def test_a_blocker_shows_expected_observed_remedy_and_the_command(page: Page) -> None:
    blocker = page.text.partition("Blockers")[2].partition("Harness errors")[0]
    assert re.search(
        rf"FAILED 5\.1 {re.escape(registry()['5.1'].title)} .* Expected 201 Observed .* Evidence x+.* Remedy compare system/contract.py",
        blocker,
    )
    assert "votecheck run --checkpoint 5.1 --scenario '" in blocker
    assert '--api-url "$API_URL"' in blocker


def test_what_is_not_proven_comes_with_its_reason_and_next_command(page: Page) -> None:
    said = page.text.partition("Not proven Nothing failed")[2].partition("Waived")[0]
    for told in ("container image", "run --checkpoint 1.1 --target containers", "[bold]no proxy[/bold]", "Flaky", "no sockets left"):
        assert told in said


def test_waivers_harness_errors_measurements_and_versions_are_there(page: Page) -> None:
    for told in ("Without the waiver:", "release board", "2027-01-31", "Not cleaned up", "vote to result p50 0.21 s", "pytest 9.2.0"):
        assert told in page.text


def test_what_the_system_answers_stays_text(page: Page, failed: Path) -> None:
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object"}
    assert "<script>alert(1)</script> [red]red[/red] \\x1b[2J\\x00" in page.text
    assert "\\u202e \\ufffe end" in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", html.render(load(failed)))


def test_the_page_needs_no_network_and_no_script(page: Page) -> None:
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in {"src", "href", "action"}]
    assert addresses
    assert all(address and address.startswith("#") for address in addresses)
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in page.tags)
    assert "url(" not in Path(html.__file__).with_name("page.css").read_text(encoding="utf-8")


def test_every_link_within_the_page_has_its_target(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    links = {(attributes["href"] or "")[1:] for tag, attributes in page.tags if tag == "a"}
    assert links <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_page_is_well_built(page: Page) -> None:
    assert (page.unbalanced, page.open) == ([], [])
    assert page.headings[0] == 1
    assert all(later - earlier <= 1 for earlier, later in zip(page.headings, page.headings[1:], strict=False))
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")


def test_huge_evidence_does_not_make_a_huge_page(record: Any) -> None:
    record.start(["5.1"])
    huge = "\x00" * 100_000
    record.scenario("5.1", (huge, "201", huge), name=huge, reason=huge, evidence=huge, remedy=huge)
    assert len(html.render(load(record.end()))) < 300_000


def test_many_observations_are_cut_and_none_that_is_wrong_is(record: Any) -> None:
    right = [(f"vote {n}", "counted", "counted") for n in range(500)]
    record.start(["7.1"])
    record.scenario("7.1", *right, ("vote 500", "counted", "lost"))
    page = Page(html.render(load(record.end())))
    assert "vote 499" not in page.text
    assert page.text.count("vote 500") >= 2
    assert "300 more observations in results.jsonl." in page.text


def test_the_page_names_where_else_a_checkpoint_could_be_checked(record: Any) -> None:
    record.start(["4.3"])
    record.passes("4.3")
    assert "Could also be checked in a cluster: 4.3" in Page(html.render(load(record.end()))).text


def test_an_empty_record_still_gives_a_page(record: Any) -> None:
    page = Page(html.render(load(record.cut_off())))
    assert "INCOMPLETE" in page.text
    assert "cut off" in page.text


def test_snapshot_files_are_linked_and_a_run_without_any_has_no_such_section(new_record: Callable[[str], Record], page: Page) -> None:
    record = new_record("20261125-093000-bbbb")
    record.start(["5.1"], target="cluster")
    record.scenario("5.1", ("status", "201", "500"))
    record.emit(Snapshot("features/test_features.py::5.1-It holds", ["snapshots/it-holds/events.txt", "snapshots/it-holds/rows.txt"]))
    linked = Page(html.render(load(record.end())))
    hrefs = [attributes["href"] for tag, attributes in linked.tags if tag == "a"]
    assert {"snapshots/it-holds/events.txt", "snapshots/it-holds/rows.txt"} <= set(hrefs)
    assert "Snapshots of the cluster" in linked.text
    assert "Snapshots of the cluster" not in page.text
