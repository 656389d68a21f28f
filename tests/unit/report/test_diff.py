from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validation.registry.checkpoints import registry
from validation.report.diff import compare


def changes(before: Path, after: Path) -> str:
    """Return what changed, without the list of what was not compared and without observations."""
    told, _, _ = compare(before, after).partition("\n\nNot compared")
    return told.partition("\n\nObservations")[0]


@pytest.fixture
def before(new_record: Callable[[str], Any]) -> Path:
    record = new_record("20261122-090000-0001")
    record.start(["5.1", "5.2", "7.1"])
    record.passes("5.1")
    record.scenario("5.2", ("percentage", "33.33", "33"))
    record.scenario("7.1", ("late votes", "0", "0"), seconds=12.0)
    return record.end(20.0)


@pytest.fixture
def after(new_record: Callable[[str], Any]) -> Path:
    record = new_record("20261123-090000-0002")
    record.start(["5.1", "5.2", "7.1", "8.1"])
    record.scenario("5.1", ("answer\x1b[2J", "201", "500"))
    record.passes("5.2", "8.1")
    record.scenario("7.1", ("late votes", "0", "0"), seconds=19.3)
    return record.end(30.0)


def test_a_run_does_not_differ_from_itself(before: Path) -> None:
    assert changes(before, before).endswith("No differences.")


def test_changes_are_grouped_by_kind(before: Path, after: Path) -> None:
    assert changes(before, after).splitlines() == [
        "20261122-090000-0001 (local) NO-GO  →  20261123-090000-0002 (local) NO-GO",
        "",
        "Verdicts",
        "  PASSED → FAILED",
        f"    5.1  {registry()['5.1'].title}",
        "  FAILED → PASSED",
        f"    5.2  {registry()['5.2'].title}",
        "  not in scope → PASSED",
        f"    8.1  {registry()['8.1'].title}",
        "",
        "New findings",
        f"  5.1  {registry()['5.1'].title}",
        "    answer\\x1b[2J: expected 201, observed 500",
        "",
        "Resolved findings",
        f"  5.2  {registry()['5.2'].title}",
        "    percentage: expected 33.33, observed 33",
        "",
        "Durations",
        "  7.1  12.0 s → 19.3 s  (+61 %)",
    ]


def test_a_checkpoint_outside_the_scope_is_not_resolved(before: Path, new_record: Callable[[str], Any]) -> None:
    record = new_record("20261123-100000-0003")
    record.start(["5.1"])
    record.passes("5.1")
    assert "Resolved findings" not in changes(before, record.end())


def test_a_finding_with_another_value_is_the_same_finding(before: Path, new_record: Callable[[str], Any]) -> None:
    record = new_record("20261123-110000-0004")
    record.start(["5.1", "5.2", "7.1"])
    record.passes("5.1")
    record.scenario("5.2", ("percentage", "33.33", "34"))
    record.scenario("7.1", ("late votes", "0", "0"), seconds=12.1)
    assert changes(before, record.end(20.1)).endswith("No differences.")


def test_the_whole_run_is_compared_when_both_had_the_same_scope(before: Path, new_record: Callable[[str], Any]) -> None:
    record = new_record("20261123-120000-0005")
    record.start(["5.1", "5.2", "7.1"])
    record.passes("5.1")
    record.scenario("5.2", ("percentage", "33.33", "33"))
    record.scenario("7.1", ("late votes", "0", "0"), seconds=12.0)
    assert changes(before, record.end(40.0)).splitlines()[-1] == "  all  20.0 s → 40.0 s  (+100 %)"


def test_checkpoints_are_in_the_order_of_the_registry(new_record: Callable[[str], Any]) -> None:
    def run(name: str, observed: str) -> Path:
        record = new_record(name)
        record.start(["B10", "2.1", "B2"])
        for checkpoint in ("B10", "2.1", "B2"):
            record.scenario(checkpoint, ("votes lost", "0", observed))
        return record.end()  # type: ignore[no-any-return]

    told = changes(run("20261123-130000-0006", "0"), run("20261123-130100-0007", "1")).splitlines()
    assert [line.split()[0] for line in told if line.startswith("    ") and ":" not in line] == ["2.1", "B2", "B10"]
    assert [line.split()[0] for line in told[told.index("New findings") :] if not line.startswith("    ")][1:] == ["2.1", "B2", "B10"]


def test_findings_that_are_alike_are_one_line(new_record: Callable[[str], Any]) -> None:
    right, wrong = new_record("20261123-140000-0008"), new_record("20261123-140100-0009")
    for record in (right, wrong):
        record.start(["5.1"])
    for name in ("Null is not a vote", "A list is not a vote", "A number is not a vote"):
        right.scenario("5.1", ("status", "422", "422"), name=name)
        wrong.scenario("5.1", ("status", "422", "201"), name=name, given="POST /api/vote")
    told = changes(right.end(), wrong.end()).splitlines()
    assert told[-1] == "    status: expected 422, observed 201, with POST /api/vote and 2 more times"
