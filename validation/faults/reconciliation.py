"""Every vote that the harness sent, the answer to it, and the comparison of both with what was counted."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from validation.hops import sightings as hops

CREATED = 201
CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class SentVote:
    """One vote that was sent. `outcome` is `ok` for 201, `rejected` for 4xx, and `unknown` for anything else."""

    key: str
    option: str
    outcome: str
    vote_id: str = ""
    stream_id: str = ""

    def to_trace(self) -> hops.TracedVote:
        """Return this accepted vote for a tracer."""
        return hops.TracedVote(
            self.vote_id, self.option, f"201 with stream id {self.stream_id or '(none)'}", self.stream_id, bool(self.key)
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The comparison of sent votes with the ledger.

    Attributes:
        ok: how many votes were answered 201.
        lost: ids that were answered 201 and are not in the ledger.
        wrong: ids that were counted for another option.
        never_accepted: ids that were counted although they were not accepted.
    """

    ok: int
    lost: tuple[str, ...]
    wrong: tuple[str, ...]
    never_accepted: tuple[str, ...]

    @property
    def wrong_ids(self) -> tuple[str, ...]:
        """Every id that is lost, counted for another option, or counted and never accepted."""
        return (*self.lost, *self.wrong, *self.never_accepted)

    @property
    def consistent(self) -> bool:
        """Whether the ledger holds every accepted vote, for its option, and no rejected one."""
        return not (self.lost or self.wrong or self.never_accepted)


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
        never_accepted=tuple(sorted((set(unpromised) - set(accepted)) & set(ledger))),
    )


@dataclass
class SentVotes:
    """The votes of one run."""

    cast: list[SentVote] = field(default_factory=list)

    def key(self) -> str:
        """Return a new Idempotency-Key."""
        return f"votecheck-{secrets.token_hex(8)}"

    def record(self, key: str, option: str, status: int, vote_id: str = "", stream_id: str = "") -> SentVote:
        """Record the answer to a vote."""
        outcome = "ok" if status == CREATED else "rejected" if status in CLIENT_ERRORS else "unknown"
        sent_vote = SentVote(key, option, outcome, vote_id, stream_id)
        self.cast.append(sent_vote)
        return sent_vote

    def accepted(self) -> dict[str, str]:
        """Return the distinct votes that were answered 201: id → option."""
        return {vote.vote_id: vote.option for vote in self.cast if vote.outcome == "ok"}

    def to_trace(self, vote_ids: Iterable[str]) -> list[hops.TracedVote]:
        """Return votes for a tracer. Those that were not accepted have nothing but their id."""
        accepted = {vote.vote_id: vote for vote in reversed(self.cast) if vote.outcome == "ok"}
        return [accepted[one].to_trace() if one in accepted else hops.TracedVote(one) for one in vote_ids]

    def by_option(self) -> Counter[str]:
        """Count the distinct accepted votes of each option."""
        return Counter(self.accepted().values())

    def reconcile(self, ledger: Mapping[str, str]) -> Reconciliation:
        """Compare these votes with the ledger of the database: id → option."""
        return reconcile(self.accepted(), ledger, {vote.vote_id for vote in self.cast if vote.outcome == "rejected" and vote.vote_id})
