"""Sent votes are compared with the ledger."""

import pytest

from validation.faults.reconciliation import SentVotes


@pytest.fixture
def sent_votes() -> SentVotes:
    made = SentVotes()
    made.record("k1", "cats", 201, "id-1")
    made.record("k2", "dogs", 201, "id-2")
    return made


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(201, "ok"), (200, "unknown"), (400, "rejected"), (422, "rejected"), (499, "rejected"), (500, "unknown"), (0, "unknown")],
)
def test_only_201_is_accepted_and_only_4xx_is_rejected(status: int, outcome: str) -> None:
    assert SentVotes().record("k", "cats", status).outcome == outcome


def test_a_ledger_with_every_accepted_vote_is_consistent(sent_votes: SentVotes) -> None:
    reconciliation = sent_votes.reconcile({"id-1": "cats", "id-2": "dogs", "another voter's": "cats"})
    assert reconciliation.consistent
    assert reconciliation.ok == 2


def test_a_vote_that_is_not_in_the_ledger_is_lost(sent_votes: SentVotes) -> None:
    reconciliation = sent_votes.reconcile({"id-1": "cats"})
    assert (reconciliation.lost, reconciliation.consistent) == (("id-2",), False)


def test_a_vote_for_another_option_is_wrong(sent_votes: SentVotes) -> None:
    reconciliation = sent_votes.reconcile({"id-1": "cats", "id-2": "cats"})
    assert (reconciliation.wrong, reconciliation.consistent) == (("id-2",), False)


def test_a_counted_vote_that_was_rejected_is_reported(sent_votes: SentVotes) -> None:
    sent_votes.record("k3", "cats", 422, "id-3")
    reconciliation = sent_votes.reconcile({"id-1": "cats", "id-2": "dogs", "id-3": "cats"})
    assert (reconciliation.never_accepted, reconciliation.consistent) == (("id-3",), False)


def test_a_vote_that_was_rejected_and_later_accepted_is_right(sent_votes: SentVotes) -> None:
    sent_votes.record("k3", "cats", 429, "id-3")
    sent_votes.record("k3", "cats", 201, "id-3")
    assert sent_votes.reconcile({"id-1": "cats", "id-2": "dogs", "id-3": "cats"}).consistent


def test_an_unknown_vote_may_be_counted_or_not(sent_votes: SentVotes) -> None:
    sent_votes.record("k3", "cats", 503, "id-3")
    ledger = {"id-1": "cats", "id-2": "dogs"}
    assert sent_votes.reconcile(ledger).consistent
    assert sent_votes.reconcile(ledger | {"id-3": "cats"}).consistent


def test_the_same_vote_sent_twice_counts_once(sent_votes: SentVotes) -> None:
    sent_votes.record("k1", "cats", 201, "id-1")
    assert sent_votes.by_option() == {"cats": 1, "dogs": 1}


def test_keys_are_unique(sent_votes: SentVotes) -> None:
    assert len({sent_votes.key() for _ in range(1000)}) == 1000
