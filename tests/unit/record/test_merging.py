"""Shards become one record, or none: whatever does not fit is refused, and the message names the shard."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import structs

from validation.core.errors import UsageError
from validation.record.events import (
    Event,
    EvidenceLimited,
    Finished,
    HarnessFailed,
    Measured,
    Observed,
    Planned,
    Required,
    RunFinished,
    RunStarted,
    ShardMerged,
    Started,
    SubjectSeen,
)
from validation.record.last_release import LastRelease
from validation.record.merging import Part, merged
from validation.record.results import Verdict
from validation.record.subject import Subject
from validation.record.verdicts import Run, RunVerdict, evaluate
from validation.registry.checkpoints import registry

SUBJECT = Subject(commit="abc", digests={"system": "sha256:1"}, images={"api": "sha256:2"})
NAMES = ("One", "Two", "Three")


def started(shard: str, at: str = "10:00:00") -> RunStarted:
    machine = {"system": f"Linux {shard}", "python": "3.13.1"}
    versions = {"votecheck": "0.3.2"}
    return RunStarted(
        f"run-{shard}", "local", f"2026-11-24T{at}+00:00", ["5.1"], ["--quick", "--reports", f"/srv/{shard}"], machine, versions, [],
        shard=shard, subject=SUBJECT, seed=7,
    )  # fmt: skip


def ran(name: str, *, right: bool = True) -> list[Event]:
    return [
        Planned(name, name, ["5.1"], "a.feature"),
        Started(name, name, ["5.1"], "a.feature"),
        Observed(name, "Then it is", "colour", "green", "green" if right else "red", right),
        Finished(name, "passed" if right else "failed", "", 0.5, "local"),
    ]


def part(shard: str, *mine: str, wrong: str = "", at: str = "10:00:00") -> Part:
    required = [Required("a.feature", name, ["5.1"], 1, int(name in mine)) for name in NAMES]
    scenarios = [event for name in mine for event in ran(name, right=name != wrong)]
    events = [started(shard, at), *required, *scenarios, Measured("target ready", 1.0, "s"), SubjectSeen(SUBJECT), RunFinished(30.0)]
    return Part(f"folder-{shard[0]}", tuple(events), f"seal-{shard}", len(events))


def changed(one: Part, **fields: object) -> Part:
    return Part(one.where, (structs.replace(one.started, **fields), *one.events[1:]), one.seal, one.lines)


def without(one: Part, *kinds: type[Event]) -> Part:
    return Part(one.where, tuple(e for e in one.events if not isinstance(e, kinds)), one.seal, one.lines)


def plus(one: Part, *events: Event) -> Part:
    return Part(one.where, (*one.events, *events), one.seal, one.lines)


FIRST, SECOND = part("1/2", "One", "Three"), part("2/2", "Two", at="10:00:20")


def whole(*parts: Part) -> Run:
    return evaluate(list(merged(parts, "merged", [])), registry(), date(2026, 11, 24))


def test_all_shards_together_are_one_run_with_every_scenario() -> None:
    run = whole(SECOND, FIRST)
    assert [s.name for s in run.results[0].scenarios] == ["One", "Three", "Two"]
    assert run.results[0].verdict is Verdict.PASSED
    assert run.harness_errors == ()
    assert not any("Shard" in gap for gap in run.gaps)
    assert (run.started.run, run.started.started, run.seconds) == ("merged", "2026-11-24T10:00:00+00:00", 50.0)
    assert run.started.machine == {"system": "Linux 1/2, Linux 2/2", "python": "3.13.1"}
    assert run.subject == SUBJECT


def test_each_shard_is_named_with_its_seal() -> None:
    assert [(one.shard, one.run, one.seal) for one in whole(FIRST, SECOND).shards] == [
        ("1/2", "run-1/2", "seal-1/2"),
        ("2/2", "run-2/2", "seal-2/2"),
    ]


@given(some.permutations([FIRST, SECOND]))
def test_the_order_of_the_shards_changes_nothing(parts: list[Part]) -> None:
    assert list(merged(parts, "merged", [])) == list(merged([FIRST, SECOND], "merged", []))


def test_a_finding_of_one_shard_is_no_go() -> None:
    run = whole(FIRST, part("2/2", "Two", wrong="Two"))
    assert (run.verdict, run.results[0].verdict) == (RunVerdict.NO_GO, Verdict.FAILED)


def test_a_scenario_that_its_shard_did_not_plan_is_not_proven() -> None:
    run = whole(FIRST, without(SECOND, Planned, Started, Observed, Finished))
    assert run.results[0].verdict is Verdict.NOT_PROVEN
    assert "0 of 1 were planned" in run.results[0].reason


def test_a_shard_that_was_cut_off_is_a_harness_error() -> None:
    run = whole(FIRST, without(SECOND, RunFinished))
    assert "Shard 2/2 was cut off: its record has no end." in run.harness_errors
    assert run.verdict is RunVerdict.INCOMPLETE


def test_a_harness_error_and_a_measurement_name_their_shard() -> None:
    run = whole(FIRST, plus(SECOND, HarnessFailed("Not cleaned up: x"), Measured("only here", 2.0, "s")))
    assert run.harness_errors == ("Shard 2/2: Not cleaned up: x",)
    assert [m.name for m in run.measurements] == ["target ready, shard 1/2", "target ready, shard 2/2", "only here"]


def test_what_was_not_kept_is_counted_over_all_shards() -> None:
    earlier = EvidenceLimited(1, 0, 0)
    run = whole(plus(FIRST, earlier, EvidenceLimited(2, 3, 0)), plus(SECOND, EvidenceLimited(4, 0, 1, "disk full")))
    assert run.evidence_limited == EvidenceLimited(6, 3, 1, "disk full")


LAST = LastRelease("run-0", "local", "2026-11-01T10:00:00+00:00", "GO", SUBJECT, {"5.1": "PASSED"}, [])


def test_the_last_release_that_all_shards_name_is_that_of_the_whole() -> None:
    events = list(merged([plus(FIRST, LAST), plus(SECOND, LAST)], "merged", []))
    assert [e for e in events if isinstance(e, LastRelease)] == [LAST]


OTHER = structs.replace(SUBJECT, commit="def")
REFUSED: dict[str, tuple[Callable[[], list[Part]], str]] = {
    "nothing": (list, "There is nothing to merge"),
    "one is missing": (lambda: [FIRST], "Shard 2/2 is missing"),
    "several are missing": (lambda: [part("2/4", "Two")], "Shards 1/4, 3/4, 4/4 are missing"),
    "the same number twice": (lambda: [FIRST, FIRST, SECOND], "Shard 1/2 in folder-1 overlaps: folder-1 is shard 1/2, too"),
    "another division": (lambda: [FIRST, part("2/3", "Two")], "Shard 2/3 in folder-2 and Shard 1/2 in folder-1 belong to different"),
    "not a shard": (lambda: [FIRST, changed(SECOND, shard="")], "The run in folder-2 is not a shard"),
    "no start": (lambda: [FIRST, Part("folder-2", (), "", 0)], "The record in folder-2 has no start"),
    "another subject": (lambda: [FIRST, changed(SECOND, subject=OTHER)], "2/2 in folder-2 is of another subject.* commit: abc, then def"),
    "no subject": (
        lambda: [FIRST, changed(without(SECOND, SubjectSeen), subject=None)],
        "Shard 2/2 in folder-2 is of another subject.* no digests",
    ),
    "another image": (
        lambda: [FIRST, plus(changed(without(SECOND, SubjectSeen), subject=structs.replace(SUBJECT, images={"api": "sha256:9"})))],
        "Shard 2/2 in folder-2 is of another subject.* api: sha256:2, then sha256:9",
    ),
    "another target": (lambda: [FIRST, changed(SECOND, target="containers")], "2/2 in folder-2 differs from .* in target: containers"),
    "another scope": (lambda: [FIRST, changed(SECOND, scope=["5.1", "5.2"])], "2/2 in folder-2 differs from .* in scope: 5.1 5.2"),
    "another seed": (lambda: [FIRST, changed(SECOND, seed=8)], "2/2 in folder-2 differs from .* in seed: 8 instead of 7"),
    "other options": (lambda: [FIRST, changed(SECOND, flags=[])], "2/2 in folder-2 differs from .* in options: nothing instead of --quick"),
    "other waivers": (lambda: [FIRST, changed(SECOND, waivers=[{"id": "5.1"}])], "2/2 in folder-2 differs from .* in waivers"),
    "another last release": (
        lambda: [plus(FIRST, LAST), plus(SECOND, structs.replace(LAST, verdict="NO-GO"))],
        "2/2 in folder-2 differs from .* in last release",
    ),
    "no last release": (lambda: [plus(FIRST, LAST), SECOND], "2/2 in folder-2 differs from .* in last release: nothing"),
    "another version": (
        lambda: [FIRST, changed(SECOND, versions={"votecheck": "0.4.0"})],
        "2/2 in folder-2 differs from .* in versions votecheck: 0.4.0 instead of 0.3.2",
    ),
    "another Python": (
        lambda: [FIRST, changed(SECOND, machine={"python": "3.11.2"})],
        "2/2 in folder-2 differs from .* in python: 3.11.2 instead of 3.13.1",
    ),
    "other features": (
        lambda: [FIRST, plus(SECOND, Required("a.feature", "Four", ["5.1"], 1, 1))],
        "Shard 2/2 in folder-2 read other features",
    ),
    "a row in no shard": (lambda: [part("1/2", "One"), SECOND], "The shards run 0 of 1 rows of 'Three': 1/2 runs 0, 2/2 runs 0"),
    "a row in two shards": (lambda: [FIRST, part("2/2", "Two", "One")], "The shards run 2 of 1 rows of 'One': 1/2 runs 1, 2/2 runs 1"),
    "a scenario in two shards": (lambda: [FIRST, plus(SECOND, *ran("One"))], "2/2 in folder-2 overlaps with Shard 1/2 .* both ran One"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_shards_that_do_not_make_one_run_are_refused(why: str) -> None:
    parts, message = REFUSED[why]
    with pytest.raises(UsageError, match=message):
        list(merged(parts(), "merged", []))


def test_shards_may_differ_in_machine_time_and_folder() -> None:
    other = changed(SECOND, machine={"system": "Linux on another processor", "python": "3.13.1"})
    assert whole(FIRST, other).started.machine["system"] == "Linux 1/2, Linux on another processor"


def test_the_merged_record_has_no_first_or_last_event_of_a_shard() -> None:
    events = list(merged([FIRST, SECOND], "merged", []))
    assert [type(e) for e in events if isinstance(e, RunStarted | RunFinished)] == [RunStarted, RunFinished]
    assert isinstance(events[1], ShardMerged)
    assert isinstance(events[-1], RunFinished)
