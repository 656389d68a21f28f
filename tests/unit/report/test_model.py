import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validation.core.errors import UsageError
from validation.record.verdicts import Run, RunVerdict, Verdict
from validation.registry.checkpoints import registry
from validation.report import html, markdown, model
from validation.report.model import load, self_tested, tally


def test_a_run_is_read_back_with_its_verdict(failed: Path) -> None:
    run = load(failed)
    assert (run.verdict, [str(j.verdict) for j in run.results]) == (
        "NO-GO",
        ["NOT PROVEN", "PASSED", "NOT PROVEN", "FAILED", "NOT PROVEN", "NOT PROVEN", "WAIVED", "PASSED"],
    )


def test_waivers_are_held_against_the_day_of_the_run(record: Any) -> None:
    waiver = {"id": "5.1", "reason": "known", "owner": "board", "expires": "2001-01-31"}
    record.begin(["5.1"], waivers=[waiver], started="2001-01-31T23:00:00+00:00")
    record.scenario("5.1", ("answer", "201", "500"))
    assert load(record.end()).results[0].verdict is Verdict.WAIVED


def test_the_command_repeats_the_run_and_lets_the_shell_fill_in_the_addresses(failed: Path) -> None:
    run = load(failed)
    assert model.reproduce(run, run.results[3]) == 'votecheck run --checkpoint 5.1 --api-url "$API_URL"'


def test_no_flag_can_become_a_command_of_the_shell(record: Any) -> None:
    record.begin(["5.1"], flags=["--target", "local; rm -rf ~", "$(id)", "`id`"])
    run = load(record.end())
    words = shlex.split(model.reproduce(run, run.results[0]))
    assert words[4:] == ["--target", "local; rm -rf ~", "$(id)", "`id`"]
    assert "'$(id)'" in model.reproduce(run, run.results[0])


def test_checkpoints_open_for_the_same_reason_are_told_once(record: Any) -> None:
    record.begin(["1.1", "2.4", "5.1"])
    images, vote = model.unproven(load(record.end()))
    assert [j.checkpoint.id for j in images.results] == ["1.1", "2.4"]
    assert images.reason == "It needs a container image, which this target does not have."
    assert images.command == "votecheck run --checkpoint 1.1,2.4 --target containers"
    assert vote.command == "votecheck run --checkpoint 5.1"


def test_a_pass_says_where_nobody_looked(record: Any) -> None:
    record.begin(["1.1", "4.3", "4.4"])
    record.passes("4.3", "4.4")
    assert model.checkable_elsewhere(load(record.end())) == {"cluster": ("4.3", "4.4")}


def test_a_phase_is_as_bad_as_its_worst_checkpoint_and_beyond_comes_last(record: Any) -> None:
    record.begin(["B1", "5.1", "5.2", "6.1"])
    record.passes("B1", "5.1")
    record.scenario("5.2", ("answer", "200", "500"))
    assert [(p.title, str(p.verdict)) for p in model.by_phase(load(record.end()))] == [
        ("5  Votes over HTTP", "FAILED"),
        ("6  Stream to database", "NOT PROVEN"),
        ("Beyond the protocol", "PASSED"),
    ]


def test_only_a_whole_run_clears_a_release(record: Any, clean: Path) -> None:
    record.begin(["5.1"])
    record.passes("5.1")
    assert model.headline(load(clean)) == f"All {len(registry())} checkpoints passed: this release may go out."
    assert model.headline(load(record.end())) == (
        f"All 1 checkpoints passed. Only 1 of {len(registry())} were in scope: nothing is known about the others."
    )


def test_a_quick_look_clears_no_release(record: Any) -> None:
    record.begin([*registry()], flags=["--quick"])
    record.passes(*registry())
    told = load(record.end())
    assert told.verdict is RunVerdict.GO
    assert model.headline(told) == (
        f"All {len(registry())} checkpoints passed. "
        "It was a quick look, which leaves out some scenarios of each kind and clears no release."
    )


def test_a_run_that_was_cut_off_is_incomplete(record: Any) -> None:
    record.begin(["5.1"])
    record.passes("5.1")
    run = load(record.cut_off())
    assert run.verdict == "INCOMPLETE"
    assert model.headline(run).startswith("The harness had trouble: this release is not cleared.")


def test_a_record_that_never_began_is_incomplete(record: Any) -> None:
    run = load(record.cut_off())
    assert (run.verdict, model.moment(run)) == ("INCOMPLETE", "unknown")


@pytest.mark.parametrize("change", [{"scope": ["9.9"]}, {"target": "moon"}, {"started": "yesterday"}, {"waivers": [{"id": "5.1"}]}])
def test_a_record_of_another_version_is_told_apart_from_a_crash(new_record: Callable[[str], Any], change: dict[str, Any]) -> None:
    record = new_record("old")
    record.begin(**({"scope": ["5.1"]} | change))
    with pytest.raises(UsageError, match="another version"):
        load(record.end())


def test_a_run_without_record_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Try: votecheck run"):
        load(tmp_path)


def test_those_of_the_protocol_that_have_been_seen_to_fail_are_counted_apart_and_last() -> None:
    assert tally(()) == "0 of 20 beyond the protocol, and 0 of 32 checkpoints have been seen to fail"
    assert tally(registry()) == "20 of 20 beyond the protocol, and 32 of 32 checkpoints have been seen to fail"
    assert tally({"B1", "5.1", "5.2"}).startswith("1 of 20 beyond the protocol, and 2 of 32 ")


def proven_before(record: Any, **known: dict[str, bool]) -> str:
    record.begin(["5.1"], **known)
    record.passes("5.1")
    return self_tested(load(record.end()))


def test_without_a_proof_a_report_says_how_to_come_by_one(record: Any) -> None:
    assert proven_before(record).endswith("votecheck defects run")


def test_a_report_tells_what_was_never_seen_to_fail(record: Any) -> None:
    told = proven_before(record, self_tested=dict.fromkeys((one for one in registry() if one not in {"5.1", "B3"}), True))
    assert told == "19 of 20 beyond the protocol, and 31 of 32 checkpoints have been seen to fail. UNPROVEN: 5.1, B3."


def test_a_report_tells_how_much_of_what_was_seen_to_fail_is_of_this_source(record: Any) -> None:
    told = proven_before(record, self_tested=dict.fromkeys(registry(), True) | {"5.1": False})
    assert told.endswith("32 of 32 checkpoints have been seen to fail; in this very state of the source 51 of these 52.")


@pytest.mark.parametrize("written", [html.render, markdown.render])
def test_a_report_says_how_many_checkpoints_have_been_seen_to_fail(record: Any, written: Callable[[Run], str]) -> None:
    record.begin(["5.1"], self_tested=dict.fromkeys(registry(), True))
    record.passes("5.1")
    assert "32 of 32 checkpoints have been seen to fail" in written(load(record.end()))
