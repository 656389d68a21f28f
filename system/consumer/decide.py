"""What to do with entries of the stream. Pure: it reads nothing, writes nothing and asks no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from system import contract
from system.db.store import Counted
from system.errors import EntryMalformed

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""Stream id and fields. No fields: the id was pending, and its entry is gone from the stream."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """An entry for the dead letters."""

    stream_id: str
    fields: Mapping[bytes, bytes]
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where each entry goes: every one to exactly one place."""

    votes: list[Counted] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def decide(entries: Iterable[Entry], options: frozenset[str]) -> Decision:
    """Sort entries into votes to count, malformed ones with the reason, and lost ones."""
    decision = Decision()
    for raw_id, fields in entries:
        stream_id = raw_id.decode()
        if not fields:  # XADD takes no entry without a field
            decision.lost.append(stream_id)
            continue
        try:
            vote = contract.decode(fields)
        except EntryMalformed as malformed:
            decision.malformed.append(Malformed(stream_id, fields, str(malformed)))
            continue
        if vote.option in options:
            decision.votes.append(Counted(vote.vote_id, vote.option, stream_id))
        else:
            decision.malformed.append(Malformed(stream_id, fields, "option is not one of VOTE_OPTIONS"))
    return decision
