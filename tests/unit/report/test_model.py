import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.conftest import proof, waiver
from validation.core.errors import UsageError
from validation.record.events import KnownProof
from validation.record.results import Verdict
from validation.record.verdicts import Run
from validation.registry.checkpoints import registry
from validation.report import html, markdown, model
from validation.report.model import load, self_tested, tally

ALL = len(registry())
BEYOND = ALL - 32


def test_a_run_is_read_back_with_its_verdict(failed: Path) -> None:
    run = load(failed)
    assert (run.verdict, [str(j.verdict) for j in run.results]) == (
        "NO-GO",
        ["NOT PROVEN", "PASSED", "NOT PROVEN", "FAILED", "NOT PROVEN", "NOT PROVEN", "WAIVED", "PASSED"],
    )


def test_waivers_expire_relative_to_the_day_of_the_run(record: Any) -> None:
    record.start(["5.1"], waivers=[waiver("5.1", expires="2001-01-31")], started="2001-01-31T23:00:00+00:00")
    record.scenario("5.1", ("answer", "201", "500"))
    assert load(record.end()).results[0].verdict is Verdict.WAIVED


def test_the_command_repeats_the_run_and_the_shell_fills_in_the_urls(failed: Path) -> None:
    run = load(failed)
    assert model.reproduce(run, run.results[3]) == 'votecheck run --checkpoint 5.1 --api-url "$API_URL"'


def test_no_flag_can_become_a_command_of_the_shell(record: Any) -> None:
    record.start(["5.1"], flags=["--target", "local; rm -rf ~", "$(id)", "`id`"])
    run = load(record.end())
    words = shlex.split(model.reproduce(run, run.results[0]))
    assert words[4:] == ["--target", "local; rm -rf ~", "$(id)", "`id`"]
    assert "'$(id)'" in model.reproduce(run, run.results[0])


def test_checkpoints_with_the_same_reason_are_grouped(record: Any) -> None:
    record.start(["1.1", "2.4", "5.1"])
    images, vote = model.unproven(load(record.end()))
    assert [j.checkpoint.id for j in images.results] == ["1.1", "2.4"]
    assert images.reason == "It needs a container image, which this target does not have."
    assert images.command == "votecheck run --checkpoint 1.1,2.4 --target containers"
    assert vote.command == "votecheck run --checkpoint 5.1"


def test_a_pass_names_where_it_could_also_be_checked(record: Any) -> None:
    record.start(["1.1", "4.3", "4.4"])
    record.passes("4.3", "4.4")
    assert model.checkable_elsewhere(load(record.end())) == {"in a cluster": ("4.3", "4.4")}


def test_a_phase_is_as_bad_as_its_worst_checkpoint_and_beyond_comes_last(record: Any) -> None:
    record.start(["B1", "5.1", "5.2", "6.1"])
    record.passes("B1", "5.1")
    record.scenario("5.2", ("answer", "200", "500"))
    assert [(p.title, str(p.verdict)) for p in model.by_phase(load(record.end()))] == [
        ("5  Votes over HTTP", "FAILED"),
        ("6  Stream to database", "NOT PROVEN"),
        ("Beyond the protocol", "PASSED"),
    ]


def test_only_a_full_run_clears_a_release(record: Any, clean: Path) -> None:
    record.start(["5.1"])
    record.passes("5.1")
    assert model.headline(load(clean)) == f"All {ALL} checkpoints passed: this release is cleared."
    assert model.headline(load(record.end())) == (
        f"The 1 checkpoint in scope passed, but this release is not cleared. Partial run: 1 of {ALL} checkpoints; {ALL - 1} not run."
        " Not checked in a cluster: 5.1."
    )


KINDS = {"passed": ("5.1", "5.2"), "failed": ("6.1", "6.2"), "open": ("6.3", "6.4"), "waived": ("7.1", "8.1")}


@pytest.mark.parametrize(
    ("counts", "harness_error", "expected"),
    [
        (
            {"passed": 1},
            False,
            f"The 1 checkpoint in scope passed, but this release is not cleared. Partial run: 1 of {ALL} checkpoints; {ALL - 1} not run.",
        ),
        (
            {"passed": 2},
            False,
            f"The 2 checkpoints in scope passed, but this release is not cleared. Partial run: 2 of {ALL} checkpoints; {ALL - 2} not run.",
        ),
        ({"waived": 1}, False, "1 waived, none passed, but this release is not cleared. Partial run"),
        ({"waived": 2}, False, "2 waived, none passed, but this release is not cleared. Partial run"),
        ({"passed": 1, "waived": 1}, False, "1 of 2 checkpoints passed, 1 waived, but this release is not cleared. Partial run"),
        ({"failed": 1}, False, "1 of 1 checkpoint failed (6.1): do not release. Partial run"),
        ({"failed": 2, "passed": 1}, False, "2 of 3 checkpoints failed (6.1, 6.2): do not release. Partial run"),
        ({"open": 1}, False, "1 of 1 checkpoint is not proven: this release is not cleared. Partial run"),
        ({"open": 2, "passed": 1}, False, "2 of 3 checkpoints are not proven: this release is not cleared. Partial run"),
        ({"open": 1, "passed": 1}, True, "1 of 2 checkpoints is not proven and the harness failed: this release is not cleared."),
        ({"passed": 1}, True, "The harness failed: this release is not cleared. Partial run"),
    ],
)
def test_headlines_use_singular_and_plural_correctly(record: Any, counts: dict[str, int], harness_error: bool, expected: str) -> None:
    ids = {kind: KINDS[kind][:number] for kind, number in counts.items()}
    waivers = [waiver(i, "status") for i in ids.get("waived", ())]
    record.start([i for chosen in ids.values() for i in chosen], waivers=waivers)
    record.passes(*ids.get("passed", ()))
    for identifier in (*ids.get("failed", ()), *ids.get("waived", ())):
        record.scenario(identifier, ("status", "200", "500"))
    if harness_error:
        record.harness_error("Not cleaned up")
    assert model.headline(load(record.end())).startswith(expected)


def test_a_run_that_was_cut_off_is_incomplete(record: Any) -> None:
    record.start(["5.1"])
    record.passes("5.1")
    run = load(record.cut_off())
    assert run.verdict == "INCOMPLETE"
    assert model.headline(run).startswith("The harness failed: this release is not cleared.")


def test_an_empty_record_is_incomplete(record: Any) -> None:
    run = load(record.cut_off())
    assert (run.verdict, model.moment(run)) == ("INCOMPLETE", "unknown")


@pytest.mark.parametrize("change", [{"scope": ["9.9"]}, {"target": "moon"}, {"started": "yesterday"}, {"waivers": [{"id": "5.1"}]}])
def test_a_record_of_another_version_is_wrong_usage_not_a_crash(new_record: Callable[[str], Any], change: dict[str, Any]) -> None:
    record = new_record("old")
    record.start(**({"scope": ["5.1"]} | change))
    with pytest.raises(UsageError, match="another version"):
        load(record.end())


def test_a_folder_without_a_record_names_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Try: votecheck run"):
        load(tmp_path)


def test_self_tested_checkpoints_of_the_protocol_are_counted_apart_and_last() -> None:
    assert tally(()) == f"0 of {BEYOND} checks beyond the protocol and 0 of 32 checkpoints are self-tested"
    assert tally(registry()) == f"{BEYOND} of {BEYOND} checks beyond the protocol and 32 of 32 checkpoints are self-tested"
    assert tally({"B1", "5.1", "5.2"}).startswith(f"1 of {BEYOND} checks beyond the protocol and 2 of 32 ")


def self_test_of(record: Any, *proofs: KnownProof) -> str:
    record.start(["5.1", "B3"], proofs=proofs)
    record.passes("5.1")
    return self_tested(load(record.end()))


def test_without_a_proof_the_report_names_the_command(record: Any) -> None:
    assert self_test_of(record) == "no proof is shipped. Try: votecheck defects run"


@pytest.mark.parametrize(
    ("proofs", "said"),
    [
        ([proof("D1", "5.1"), proof("D2", "5.1", "B3")], "2 of 2 checkpoints have been seen to fail, for 2 seeded defects."),
        ([proof("D1", "5.1")], "1 of 2 checkpoints have been seen to fail, for 1 seeded defect. No proof is shipped for B3."),
        (
            [proof("D1", "5.1"), proof("D2", "5.1", stale=True), proof("D3", "B3")],
            (
                "2 of 2 checkpoints have been seen to fail, for 3 seeded defects. 1 proof STALE: something has changed since."
                " Try: votecheck defects run --stale"
            ),
        ),
        (
            [proof("D1", "5.1"), proof("D2", "B3", stale=True)],
            (
                "2 of 2 checkpoints have been seen to fail, for 2 seeded defects. 1 proof STALE: something has changed since,"
                " and no other proof of B3. Try: votecheck defects run --stale"
            ),
        ),
    ],
    ids=["all", "one never", "one of two is stale", "the only one is stale"],
)
def test_a_report_says_which_checkpoints_have_been_seen_to_fail(record: Any, proofs: list[KnownProof], said: str) -> None:
    assert self_test_of(record, *proofs) == said


@pytest.mark.parametrize("written", [html.render, markdown.render])
def test_a_report_counts_the_checkpoints_that_have_been_seen_to_fail(record: Any, written: Callable[[Run], str]) -> None:
    record.start(["5.1"], proofs=[proof("D1", "5.1")])
    record.passes("5.1")
    assert "1 of 1 checkpoint has been seen to fail" in written(load(record.end()))


def test_the_page_lists_the_defects_that_a_checkpoint_caught_and_marks_stale_proofs(record: Any) -> None:
    record.start(["5.1", "5.2"], proofs=[proof("D1", "5.1"), proof("D2", "5.1", stale=True)])
    record.passes("5.1")
    page = html.render(load(record.end()))
    assert "It has been seen to fail for 2 seeded defects" in page
    assert "D2 Title of D2" in page
    assert page.count(">STALE<") == 1
    assert "No proof is shipped that it can fail." in page
