"""A shipped proof holds until something that it rests on changes, and only a defect that was caught again renews it."""

import tempfile
from pathlib import Path

import pytest
from msgspec import json, structs

from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT
from validation.defects import proof_inputs, proofs
from validation.defects.catalogue import catalogue
from validation.defects.proofs import Shipped, is_stale, known, read, renew, without_proof
from validation.defects.proving.bench import HERE, Bench
from validation.defects.results import Proof
from validation.defects.selection import Wanted, choose

D3, D4, D80 = (catalogue()[one] for one in ("D3", "D4", "D80"))
IN_CLUSTER = Bench(("--context", "mine"))


def shipped(defect: str, bench: Bench = HERE, **changed: str) -> Shipped:
    found = catalogue()[defect]
    name = "here" if bench == HERE else "cluster"
    return Shipped(
        defect, name, list(bench.checkpoints(found)), "a finding", "2026-11-29T10:00:00+00:00", proof_inputs.digests(found, bench) | changed
    )


def caught(defect: str, outcome: str = "caught", digest: str = "d") -> Proof:
    return Proof(
        defect,
        "here",
        digest,
        outcome,
        "count:\nexpected 1, observed 2",
        list(catalogue()[defect].checkpoints),
        "2026-11-30T10:00:00+00:00",
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "proofs.jsonl"
    place.write_bytes(b"".join(json.encode(one) + b"\n" for one in (shipped("D3"), shipped("D4", entry="of an older entry"))))
    return place


def test_a_proof_holds_while_nothing_that_it_rests_on_changed() -> None:
    assert not is_stale(shipped("D3"))
    assert not is_stale(shipped("D80", IN_CLUSTER))


@pytest.mark.parametrize("part", ["entry", "changed", "looking"])
def test_a_proof_is_stale_when_a_part_that_it_rests_on_changed(part: str) -> None:
    assert is_stale(shipped("D3", **{part: "0" * 16}))


def test_the_proof_of_a_defect_that_is_gone_is_stale() -> None:
    assert is_stale(structs.replace(shipped("D3"), defect="D9999"))


def test_a_proof_here_does_not_hold_in_a_cluster() -> None:
    assert without_proof([D3, D4], HERE, [shipped("D3"), shipped("D4", looking="")]) == [D4]
    assert without_proof([D80], IN_CLUSTER, [structs.replace(shipped("D80", IN_CLUSTER), bench="here")]) == [D80]


def test_a_defect_that_is_caught_again_renews_its_line(file: Path) -> None:
    renew(caught("D4"), HERE, file)
    assert [(one.defect, one.finding, is_stale(one)) for one in read(file)] == [
        ("D3", "a finding", False), ("D4", "count: expected 1, observed 2", False),
    ]  # fmt: skip


def test_a_new_line_has_its_place_by_number(file: Path) -> None:
    for defect in ("D100", "D1", "D20"):
        renew(caught(defect), HERE, file)
    assert [one.defect for one in read(file)] == ["D1", "D3", "D4", "D20", "D100"]


@pytest.mark.parametrize(
    ("outcome", "digest", "left"),
    [("survived", "d", ["D4"]), ("inconclusive", "d", ["D3", "D4"]), ("not applied", "d", ["D3", "D4"]), ("caught", "", ["D3", "D4"])],
    ids=["survived", "inconclusive", "not applied", "of no single state of the source"],
)
def test_only_a_defect_that_survived_loses_its_line_and_nothing_else_changes_one(
    outcome: str, digest: str, left: list[str], file: Path
) -> None:
    before = {one.defect: one for one in read(file)}
    renew(caught("D3", outcome, digest), HERE, file)
    assert [one.defect for one in read(file)] == left
    assert all(before[one.defect] == one for one in read(file))


def test_a_cluster_is_named_without_its_options(file: Path) -> None:
    renew(structs.replace(caught("D80"), failed=["B17"]), IN_CLUSTER, file)
    assert [(one.bench, one.checkpoints) for one in read(file) if one.defect == "D80"] == [("cluster", ["B17"])]


def test_a_finding_names_no_folder_of_this_machine(file: Path) -> None:
    detail = f"{PROJECT}/tests/a.py: '{tempfile.gettempdir()}/pytest-of-me/x.txt' is missing, in {tempfile.gettempdir()}/y:3"
    renew(structs.replace(caught("D3"), detail=detail), HERE, file)
    assert read(file)[0].finding == "./tests/a.py: '(a temporary file)' is missing, in (a temporary file):3"


def test_a_finding_names_no_user_of_this_machine(file: Path) -> None:
    detail = "assert 'X' not in {'PATH': '/root/.local/bin:/usr/bin:/home/me/bin', 'HOME': '/Users/me/a'}"
    renew(structs.replace(caught("D3"), detail=detail), HERE, file)
    home = "(a folder of a user)"
    assert read(file)[0].finding == f"assert 'X' not in {{'PATH': '{home}:/usr/bin:{home}', 'HOME': '{home}'}}"


@pytest.mark.parametrize("written", ["<<<<<<< ours\n", '{"defect": "D3"}\n', "\n"])
def test_a_file_that_cannot_be_read_names_the_next_command(written: str, file: Path) -> None:
    file.write_text(written)
    with pytest.raises(HarnessError, match=r"Try: git checkout validation/defects/proofs\.jsonl"):
        read(file)


def test_a_report_hears_of_the_proofs_of_its_checkpoints() -> None:
    found = known(
        [*D3.checkpoints], [shipped("D3", changed=""), shipped("D80", IN_CLUSTER), structs.replace(shipped("D3"), defect="D9999")]
    )
    assert [(one.defect, one.title, one.stale) for one in found] == [("D3", D3.title, True)]


def test_what_looks_for_a_defect_is_found_through_imports_and_fixtures() -> None:
    found = {file.relative_to(PROJECT).as_posix() for file in proof_inputs.looking_for("5.1")}
    assert {"features/protocol/5_votes.feature", "features/steps/votes/casting.py", "validation/probes/running/stream.py"} <= found
    assert not {one for one in found if one.startswith(("validation/report", "validation/record", "features/steps/cluster", "system"))}


def test_the_stale_ones_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [one.id for one in catalogue().values() if HERE.proves(one)]
    monkeypatch.setattr(proofs, "read", lambda: [shipped("D3"), shipped("D4", entry="")])
    chosen = choose(Wanted(stale=True), HERE)
    assert [one.id for one in chosen.defects] == [one for one in every if one != "D3"]
    assert chosen.notes == (f"1 of {len(every)} left out: their proofs hold.",)


def test_stale_and_since_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        choose(Wanted(since="HEAD", stale=True), HERE)
