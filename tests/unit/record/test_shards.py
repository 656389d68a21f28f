"""The verdict on a shard is about its own part, and never GO."""

from datetime import date

import pytest
from msgspec import structs

from tests.unit.record.subjects import SUBJECT
from validation.record.events import Event, Finished, Observed, Planned, Required, RunFinished, RunStarted, Started, SubjectSeen
from validation.record.results import Verdict
from validation.record.verdicts import Run, RunVerdict, evaluate
from validation.registry.checkpoints import registry

TODAY = date(2026, 11, 24)
STARTED = RunStarted("run", "cluster", "2026-11-24T10:00:00+00:00", [], [], {}, {"votecheck": "0.3.2"}, [], shard="1/2", subject=SUBJECT)


def passed(checkpoint: str, level: str, *, right: bool = True) -> list[Event]:
    name = f"{checkpoint} {level}"
    return [
        Planned(name, name, [checkpoint], "a.feature"),
        Started(name, name, [checkpoint], "a.feature"),
        Observed(name, "Then it is", "colour", "green", "green" if right else "red", right),
        Finished(name, "passed" if right else "failed", "" if right else "red", 0.5, level),
    ]


def required(checkpoint: str, level: str, here: int | None) -> Required:
    return Required("a.feature", f"{checkpoint} {level}", [checkpoint], 1, here)


def validated(started: RunStarted, *events: Event) -> Run:
    return evaluate([started, *events, SubjectSeen(SUBJECT), RunFinished(1.0)], registry(), TODAY)


def whole(shard: str) -> Run:
    """Return a run in which every checkpoint passed at every level."""
    pairs = [(one.id, level) for one in registry().values() for level in one.needs]
    events = [event for pair in pairs for event in (required(*pair, 1), *passed(*pair))]
    return validated(structs.replace(STARTED, scope=list(registry()), shard=shard), *events)


def test_a_shard_is_partial_even_if_it_ran_everything() -> None:
    assert whole("").verdict is RunVerdict.GO
    assert whole("1/1").verdict is RunVerdict.PARTIAL
    assert "Shard 1/1: only a part of the scenarios ran." in whole("1/1").gaps[0]


def test_what_other_shards_run_is_not_missing_here() -> None:
    events = [required("5.1", "local", 1), required("5.2", "local", 0), required("5.1", "cluster", 0), *passed("5.1", "local")]
    run = validated(structs.replace(STARTED, scope=["5.1", "5.2"]), *events)
    assert [(one.checkpoint.id, one.verdict) for one in run.results] == [("5.1", Verdict.PASSED)]
    assert run.verdict is RunVerdict.PARTIAL


def test_what_this_shard_was_to_run_and_did_not_is_not_proven() -> None:
    events = [required("5.1", "local", 1), required("5.1", "cluster", 1), *passed("5.1", "local")]
    run = validated(structs.replace(STARTED, scope=["5.1"]), *events)
    assert run.results[0].verdict is Verdict.NOT_PROVEN
    assert "0 of 1 were planned" in run.results[0].reason


def test_what_no_shard_can_run_is_not_proven_in_each() -> None:
    run = validated(structs.replace(STARTED, scope=["5.1", "2.5"], target="local"), required("5.1", "local", 1), *passed("5.1", "local"))
    assert [one.verdict for one in run.results] == [Verdict.PASSED, Verdict.NOT_PROVEN]


@pytest.mark.parametrize(("right", "verdict"), [(True, Verdict.PASSED), (False, Verdict.WAIVED)])
def test_a_waiver_may_be_for_what_another_shard_observes(right: bool, verdict: Verdict) -> None:
    common = {"version": "0.3.2", "reason": "the proxy does it", "owner": "board", "expires": "2026-12-31"}
    waiver = {"id": "5.1", "finding": "colour", **common}
    events = [required("5.1", "local", 1), *passed("5.1", "local", right=right)]
    started = structs.replace(STARTED, scope=["5.1"], waivers=[waiver])
    assert validated(started, *events).results[0].verdict is verdict
    alone = validated(structs.replace(started, shard=""), required("5.1", "local", None), *events[1:])
    assert alone.results[0].verdict is (Verdict.FAILED if right else Verdict.WAIVED)


def test_a_wrong_observation_in_a_shard_is_no_go() -> None:
    run = validated(structs.replace(STARTED, scope=["5.1"]), required("5.1", "local", 1), *passed("5.1", "local", right=False))
    assert run.verdict is RunVerdict.NO_GO
