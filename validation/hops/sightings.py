"""What was seen of one vote at each hop. Pure functions: they read nothing, and say what others have read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from validation.hops.logs import Logs, delivered_by, of_every_vote
from validation.probes.running.places import Places
from validation.probes.running.store import LedgerRow
from validation.probes.running.stream import order_of


class Hop(StrEnum):
    """A place on the way of a vote, in order."""

    ACCEPTED = "accepted by the API"
    STREAM = "in the stream"
    DELIVERED = "delivered to a consumer"
    DEAD = "dead-lettered"
    LEDGER = "in the ledger"
    RESULTS = "in the results"


@dataclass(frozen=True, slots=True)
class TracedVote:
    """A vote to look for.

    Attributes:
        option: the option that it was accepted for; empty if it never was.
        accepted: how it was accepted; empty if it never was.
        stream_id: the stream id of the response, if it is known.
        keyed: whether it had an Idempotency-Key, so that Redis remembers it.
        added: whether the harness itself added it to the stream, as `stream_id`.
    """

    vote_id: str
    option: str = ""
    accepted: str = ""
    stream_id: str = ""
    keyed: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database knows: the rows of the votes, and for each option its rows and its count."""

    rows: Mapping[str, LedgerRow] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Whether a vote was seen at a hop, with the evidence.

    Attributes:
        seen: None: nobody could look, or it cannot be told.
        differs: whether it is there for another option than it was accepted for.
    """

    hop: Hop
    seen: bool | None
    evidence: str
    differs: bool = False

    def __str__(self) -> str:
        answer = "unknown" if self.seen is None else "yes" if self.seen else "no"
        return f"  {self.hop:24}{answer:8}{self.evidence}"


def stream_id_of(vote: TracedVote, redis: Places, row: LedgerRow | None) -> str:
    """Return the id of a vote's entry, from whoever still knows it; empty if nobody does."""
    entries = redis.entries.get(vote.vote_id, [])
    return entries[0][0] if entries else redis.remembered.get(vote.vote_id, "") or (row.stream_id if row else "") or vote.stream_id


def in_stream(vote: TracedVote, redis: Places | str, row: LedgerRow | None) -> Sighting:  # noqa: PLR0911 - one return for each evidence
    """Return whether the vote was in the stream."""
    if isinstance(redis, str):
        return Sighting(Hop.STREAM, None, redis)
    entries, letter = redis.entries.get(vote.vote_id, []), redis.letters.get(vote.vote_id)
    known, identifier = redis.remembered.get(vote.vote_id), stream_id_of(vote, redis, row)
    if entries:
        shown = ", ".join(f"entry {one} for {option}" for one, option in entries)
        return Sighting(Hop.STREAM, True, f"{shown} of {redis.stream}", bool(vote.option) and entries[0][1] != vote.option)
    if vote.added:
        return Sighting(Hop.STREAM, True, f"added as entry {vote.stream_id}, which {redis.stream} no longer has")
    if known:
        return Sighting(Hop.STREAM, True, f"Redis remembers its key with entry {known}, which {redis.stream} no longer has")
    if row or letter:
        told = f"{'the ledger' if row else 'the dead letter'} has its id, {redis.stream} no longer"
        return Sighting(Hop.STREAM, True if vote.accepted else None, told)
    if identifier in redis.held:
        return Sighting(Hop.STREAM, True, f"entry {identifier} is pending, and {redis.stream} no longer has it")
    if vote.keyed:
        return Sighting(Hop.STREAM, False, f"no entry of {redis.stream} has its id, and Redis does not remember its key")
    if identifier and order_of(identifier) > order_of(redis.last_id):
        return Sighting(Hop.STREAM, False, f"{redis.stream} never had the entry {identifier}: its newest was {redis.last_id}")
    if identifier and redis.complete and order_of(identifier) < (0, 1):
        return Sighting(Hop.STREAM, False, f"{identifier} is not a stream id")
    searched = "" if redis.complete else "of those that were searched "
    return Sighting(Hop.STREAM, None, f"no entry {searched}has its id; {redis.stream} is trimmed, so it may have had one")


def delivered(  # noqa: PLR0911 - one return for each evidence
    vote: TracedVote, redis: Places | str, row: LedgerRow | None, stream: Sighting, logs: Logs
) -> tuple[Sighting, bool]:
    """Return whether the vote was delivered, and whether it still waits to be counted."""
    if isinstance(redis, str):
        return Sighting(Hop.DELIVERED, None, redis), False
    identifier = stream_id_of(vote, redis, row)
    if held := redis.held.get(identifier):
        seconds = f"{held.idle_ms / 1000:.1f} s"
        told = f"pending for consumer {held.consumer} since {seconds}, delivered {held.deliveries} times"
        return Sighting(Hop.DELIVERED, True, told), vote.vote_id in redis.entries
    if by := delivered_by(vote.vote_id, identifier, logs):
        return Sighting(Hop.DELIVERED, True, f"acknowledged; log of {by}"), False
    group, reached = redis.group, redis.group.last_delivered if redis.group else ""
    if group is None:
        return Sighting(Hop.DELIVERED, False, f"there is no group {redis.group_name}"), bool(redis.entries.get(vote.vote_id))
    if row or vote.vote_id in redis.letters:
        seen = True if vote.accepted or vote.vote_id in redis.entries else None
        return Sighting(Hop.DELIVERED, seen, f"acknowledged; {redis.group_name} has delivered up to {reached}"), False
    if stream.seen is False:
        return Sighting(Hop.DELIVERED, False, ""), False
    if identifier and order_of(identifier) > order_of(reached):
        still = vote.vote_id in redis.entries
        gone = "" if still else ", and its entry was removed before it was delivered"
        return Sighting(Hop.DELIVERED, False, f"{redis.group_name} has delivered up to {reached}{gone}"), still
    return _passed(vote, redis, reached, logs), False


def _passed(vote: TracedVote, redis: Places, reached: str, logs: Logs) -> Sighting:
    """Return whether a vote was delivered that the group is past, and that is neither pending nor counted nor dead-lettered."""
    names, past = ", ".join(sorted(redis.receivers)), f"{redis.group_name} is past it, at {reached}"
    if redis.receivers and not any(redis.receivers.values()):
        return Sighting(Hop.DELIVERED, False, f"{past}, and no consumer ({names}) has ever received an entry: the group began after it")
    if of_every_vote(logs):
        why = "the group skipped it" if vote.vote_id in redis.entries else "its entry was removed before it was delivered"
        return Sighting(Hop.DELIVERED, False, f"{past}, and no consumer ({', '.join(sorted(logs))}) has logged that it received it: {why}")
    return Sighting(Hop.DELIVERED, None, f"{past}, and it is not pending: acknowledged without being counted, or never delivered")


def dead_lettered(vote: TracedVote, redis: Places | str) -> Sighting:
    """Return whether the vote is in the dead-letter stream."""
    if isinstance(redis, str):
        return Sighting(Hop.DEAD, None, redis)
    letter = redis.letters.get(vote.vote_id)
    return Sighting(Hop.DEAD, bool(letter), f"entry {letter.id} of {redis.stream}:dead, because: {letter.reason}" if letter else "")


def in_ledger(vote: TracedVote, database: Stored | str, row: LedgerRow | None) -> Sighting:
    """Return whether the vote is in the ledger."""
    if isinstance(database, str):
        return Sighting(Hop.LEDGER, None, database)
    if row is None:
        return Sighting(Hop.LEDGER, False, "no row has its id")
    other = f", accepted for {vote.option}" if vote.option and vote.option != row.option else ""
    return Sighting(Hop.LEDGER, True, f"row for {row.option}, entry {row.stream_id}, counted at {row.counted_at}{other}", bool(other))


def in_results(vote: TracedVote, database: Stored | str, row: LedgerRow | None) -> Sighting:
    """Return whether the vote is in the sums, as far as sums can tell."""
    if isinstance(database, str):
        return Sighting(Hop.RESULTS, None, database)
    option = row.option if row else vote.option
    count, rows = database.counts.get(option, 0), database.totals.get(option, 0)
    if row is None:
        more = f"the count of {option} is {count}, for {rows} rows: it may be among them" if count > rows else ""
        return Sighting(Hop.RESULTS, None if more else False, more)
    return Sighting(Hop.RESULTS, count >= rows, f"the count of {option} is {count}, for {rows} rows")
