"""A fault during a load run: which are rejected, and when a system has recovered."""

import shlex

import pytest

from validation.core.errors import UsageError
from validation.core.settings import RunSettings
from validation.faults.catalogue import all_faults
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
        ("Redis is killed", RunSettings(redis_url="redis://127.0.0.1:1"), "system that this run starts"),
    ],
)
def test_a_fault_that_cannot_be_injected_is_rejected(name: str, settings: RunSettings, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        require_fault(name, settings, 30, "baseline")


@pytest.mark.parametrize("fault", sorted(all_faults()))
@pytest.mark.parametrize(("settings", "measured"), [(RunSettings(), 1.0), (RunSettings(api_url="http://127.0.0.1:1"), 30.0)])
def test_the_advice_for_a_refused_fault_is_accepted(fault: str, settings: RunSettings, measured: float) -> None:
    with pytest.raises(UsageError) as refused:
        require_fault(fault, settings, measured, "baseline")
    words = shlex.split(str(refused.value).partition("Try: ")[2])
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert (words[:3], options["--fault"]) == (["votecheck", "load", "baseline"], fault)
    try:
        require_fault(fault, RunSettings(), float(options.get("--seconds", 30)), "baseline")
    except UsageError as again:
        pytest.fail(f"the advice is refused: {again}")


def test_an_unknown_fault_is_refused_with_every_name_on_a_line_of_its_own() -> None:
    with pytest.raises(UsageError) as refused:
        require_fault("consumer a dies", RunSettings(), 30, "baseline")
    lines = str(refused.value).splitlines()
    assert [line.strip() for line in lines[1:-1]] == sorted(all_faults())
    assert lines[-1] == "Try: votecheck load baseline --fault 'consumer a is killed'"
