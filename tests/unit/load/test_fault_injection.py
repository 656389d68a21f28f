"""A fault during a load run: which are rejected, and when a system has recovered."""

import pytest

from validation.core.errors import UsageError
from validation.core.settings import RunSettings
from validation.load.fault_injection import recovery_seconds, require_fault
from validation.load.result import FaultRecord, Second

FAULT = FaultRecord("it", 10.0, 14.0, "seen", None)


def seconds(slow: range, failing: range = range(0)) -> list[Second]:
    return [Second(at, 100, 100, 1 if at in failing else 0, 1.0, 400.0 if at in slow else 5.0, 9.0) for at in range(30)]


@pytest.mark.parametrize(
    ("timeline", "after"),
    [
        (seconds(range(10, 14)), 0.0),
        (seconds(range(10, 17)), 3.0),
        (seconds(range(0), range(10, 16)), 2.0),
        (seconds(range(10, 30)), None),
        (seconds(range(10, 28)), None),
    ],
    ids=["at once", "after three seconds", "failures count, too", "never", "two good seconds at the end are not enough"],
)
def test_recovery_counts_from_the_end_of_the_fault(timeline: list[Second], after: float | None) -> None:
    assert recovery_seconds(FAULT, timeline, 4) == after


def test_without_samples_before_a_fault_there_is_no_recovery() -> None:
    assert recovery_seconds(FAULT, seconds(range(0))[10:], 4) is None


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("Redis is kiled", RunSettings(), "There is no fault"),
        ("the PostgreSQL tables are locked for 20 s", RunSettings(), "lasts 20 s"),
        ("Redis is killed", RunSettings(api_url="http://127.0.0.1:1"), "system that this run starts"),
        ("Redis is killed", RunSettings(target="cluster"), "system that this run starts"),
    ],
)
def test_a_fault_that_cannot_be_injected_is_rejected(name: str, settings: RunSettings, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        require_fault(name, settings, 30)
