from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validation.registry.checkpoints import registry
from validation.report.diff import compare


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
    assert compare(before, before).endswith("No differences.")


def test_changes_are_grouped_by_kind(before: Path, after: Path) -> None:
    assert compare(before, after).splitlines() == [
        "20261122-090000-0001 (local) NO-GO  →  20261123-090000-0002 (local) NO-GO",
        "",
        "Verdicts",
        f"  5.1  PASSED → FAILED  {registry()['5.1'].title}",
        f"  5.2  FAILED → PASSED  {registry()['5.2'].title}",
        f"  8.1  not in scope → PASSED  {registry()['8.1'].title}",
        "",
        "New findings",
        "  5.1  answer\\x1b[2J: expected 201, observed 500",
        "",
        "Resolved findings",
        "  5.2  percentage: expected 33.33, observed 33",
        "",
        "Durations",
        "  7.1  12.0 s → 19.3 s  (+61 %)",
    ]


def test_a_checkpoint_outside_the_scope_is_not_resolved(before: Path, new_record: Callable[[str], Any]) -> None:
    record = new_record("20261123-100000-0003")
    record.start(["5.1"])
    record.passes("5.1")
    assert "Resolved findings" not in compare(before, record.end())


def test_a_finding_with_another_value_is_the_same_finding(before: Path, new_record: Callable[[str], Any]) -> None:
    record = new_record("20261123-110000-0004")
    record.start(["5.1", "5.2", "7.1"])
    record.passes("5.1")
    record.scenario("5.2", ("percentage", "33.33", "34"))
    record.scenario("7.1", ("late votes", "0", "0"), seconds=12.1)
    assert compare(before, record.end(20.1)).endswith("No differences.")


def test_the_whole_run_is_compared_when_both_had_the_same_scope(before: Path, new_record: Callable[[str], Any]) -> None:
    record = new_record("20261123-120000-0005")
    record.start(["5.1", "5.2", "7.1"])
    record.passes("5.1")
    record.scenario("5.2", ("percentage", "33.33", "33"))
    record.scenario("7.1", ("late votes", "0", "0"), seconds=12.0)
    assert compare(before, record.end(40.0)).splitlines()[-1] == "  all  20.0 s → 40.0 s  (+100 %)"
