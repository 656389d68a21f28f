"""`votecheck list --claims` prints every claim, with what could contradict it or why nothing does."""

import json

import pytest

from validation.cli import claim_list, main
from validation.core.errors import USAGE_EXIT
from validation.registry.claims import Claim, claims

GIVEN = {
    "a-1": Claim("a-1", "Votes count.", "README.md", observed_by=("5.1: the vote is accepted",), defects=("D84",)),
    "a-2": Claim("a-2", "Votes last.", "SECURITY.md", observed_by=("5.1: the vote is accepted",), unproven="nothing waits"),
}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the registry."""
    monkeypatch.setattr(claim_list, "claims", lambda: GIVEN)


@pytest.mark.usefixtures("given")
def test_the_list_has_status_sentence_observations_defects_and_reason() -> None:
    first, second, total = claim_list.as_text().split("\na-2 ")[0], claim_list.as_text().split("\na-2 ")[1], "1 of 2 claims are proven."
    assert [line.strip() for line in first.splitlines()] == [
        "a-1            PROVEN   Votes count.",
        "README.md",
        "5.1: the vote is accepted",
        "seeded: D84",
    ]
    assert [line.strip() for line in second.splitlines()][1:] == [
        "SECURITY.md",
        "5.1: the vote is accepted",
        "because: nothing waits",
        total,
    ]


@pytest.mark.usefixtures("given")
def test_json_has_the_same() -> None:
    first, second = claim_list.as_data()
    assert (first["id"], first["status"], first["observed_by"], first["defects"]) == (
        "a-1",
        "PROVEN",
        ("5.1: the vote is accepted",),
        ("D84",),
    )
    assert second["reason"] == "nothing waits"


def test_the_command_lists_all_claims(capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(["list", "--claims", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == list(claims())


def test_claims_and_a_phase_exclude_each_other() -> None:
    assert main._run(["list", "--claims", "--phase", "5"]) == USAGE_EXIT
