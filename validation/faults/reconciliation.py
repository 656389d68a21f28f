"""The harness's own record of every vote it sent and what became of it, and the comparison with what was counted."""

import secrets
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

CREATED = 201
CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class SentVote:
    """One vote that was sent: `ok` was answered 201, `rejected` 4xx, `unknown` anything else."""

    key: str
    option: str
    outcome: str
    vote_id: str = ""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What became of the votes.

    Attributes:
        lost: ids that were answered 201 and are not in the ledger.
        wrong: ids counted for another option than they were cast for.
        phantom: ids that were rejected and counted all the same.
    """

    ok: int
    lost: tuple[str, ...]
    wrong: tuple[str, ...]
    phantom: tuple[str, ...]

    @property
    def even(self) -> bool:
        """Whether every vote is where it should be."""
        return not (self.lost or self.wrong or self.phantom)


def reconcile(accepted: Mapping[str, str], ledger: Mapping[str, str], unpromised: Collection[str] = ()) -> Reconciliation:
    """Compare every accepted vote with the ledger, both id → option.

    Args:
        accepted: the votes that were answered 201.
        ledger: the votes that were counted.
        unpromised: ids that must not be counted unless they were accepted after all.
    """
    return Reconciliation(
        ok=len(accepted),
        lost=tuple(sorted(set(accepted) - set(ledger))),
        wrong=tuple(sorted(i for i, option in ledger.items() if i in accepted and accepted[i] != option)),
        phantom=tuple(sorted((set(unpromised) - set(accepted)) & set(ledger))),
    )


@dataclass
class SentVotes:
    """The votes of one run."""

    cast: list[SentVote] = field(default_factory=list)

    def key(self) -> str:
        """Make an Idempotency-Key that nobody used."""
        return f"votecheck-{secrets.token_hex(8)}"

    def record(self, key: str, option: str, status: int, vote_id: str = "") -> SentVote:
        """Note what a vote was answered."""
        outcome = "ok" if status == CREATED else "rejected" if status in CLIENT_ERRORS else "unknown"
        sent_vote = SentVote(key, option, outcome, vote_id)
        self.cast.append(sent_vote)
        return sent_vote

    def accepted(self) -> dict[str, str]:
        """The distinct votes that were answered 201: id → option."""
        return {b.vote_id: b.option for b in self.cast if b.outcome == "ok"}

    def by_option(self) -> Counter[str]:
        """How many distinct votes of each option were accepted."""
        return Counter(self.accepted().values())

    def reconcile(self, ledger: Mapping[str, str]) -> Reconciliation:
        """Compare these votes with the ledger of the database: id → option."""
        return reconcile(self.accepted(), ledger, {b.vote_id for b in self.cast if b.outcome == "rejected" and b.vote_id})
