"""Decides what happens to each stream entry. Pure: no I/O and no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from system import contract
from system.db.store import LedgerRow
from system.errors import EntryMalformed

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""Stream id and fields. Empty fields mean that the id was pending and its entry no longer exists in the stream."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """An entry for the dead-letter stream."""

    stream_id: str
    fields: Mapping[bytes, bytes]
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The destination of each entry: exactly one per entry."""

    votes: list[LedgerRow] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def decide(entries: Iterable[Entry], options: frozenset[str]) -> Decision:
    """Sort entries into votes to count, malformed entries with the reason, and lost entries."""
    decision = Decision()
    for raw_id, fields in entries:
        stream_id = raw_id.decode()
        if not fields:  # XADD requires at least one field, so the entry is gone
            decision.lost.append(stream_id)
            continue
        try:
            vote = contract.decode(fields)
        except EntryMalformed as malformed:
            decision.malformed.append(Malformed(stream_id, fields, str(malformed)))
            continue
        if vote.option in options:
            decision.votes.append(LedgerRow(vote.vote_id, vote.option, stream_id))
        else:
            decision.malformed.append(Malformed(stream_id, fields, "option is not one of VOTE_OPTIONS"))
    return decision
