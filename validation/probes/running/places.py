"""Read where votes are in Redis: in the stream, with a consumer, or in the dead-letter stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from validation.core import protocol
from validation.probes.running.redis_errors import reading
from validation.probes.running.stream import Entry, Group, StreamProbe

SECONDS = 10.0
SEARCHED = 10_000
"""Entries of the stream, and of the dead-letter stream, that are searched at most."""


@dataclass(frozen=True, slots=True)
class Held:
    """A pending entry: who has it, for how many milliseconds, and how often it was delivered."""

    consumer: str
    idle_ms: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead-letter entry: its id, and the reason in it."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Places:
    """What Redis knows of some votes.

    Attributes:
        stream, group_name: where was looked.
        group: the consumer group; None if it does not exist.
        last_id: id of the newest entry ever added; `0-0` without a stream.
        receivers: whether each consumer of the group has ever received an entry, by name.
        complete: whether the whole stream was searched.
        entries: vote id → the ids and options of its entries.
        remembered: vote id → the stream id that the API remembers for its Idempotency-Key.
        held: stream id → the pending entry.
        letters: vote id → the dead letter.
    """

    stream: str
    group_name: str
    group: Group | None = None
    last_id: str = "0-0"
    receivers: Mapping[str, bool] = field(default_factory=dict)
    complete: bool = True
    entries: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    remembered: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    letters: Mapping[str, Letter] = field(default_factory=dict)


@reading("the stream")
def places(
    stream: StreamProbe, votes: Mapping[str, str], name: str = protocol.STREAM, group: str = protocol.GROUP, *, searched: int = SEARCHED
) -> Places:
    """Look for votes in a stream, its group and its dead-letter stream.

    Args:
        stream: the Redis.
        votes: vote id → stream id, empty where it is not known.
        name: the stream.
        group: its consumer group.
        searched: number of entries of each stream that are searched at most.

    Raises:
        ProbeError: Redis does not answer.
    """
    with redis.Redis.from_url(stream.url, decode_responses=True, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as opened:
        client: Any = opened
        found: dict[str, list[tuple[str, str]]] = {}
        part = client.xrange(name, count=searched)
        remembered = _remembered(client, votes)
        asked = {vote: votes[vote] or remembered.get(vote, "") for vote in votes}
        for identifier, fields in {**dict(part), **dict(_named(client, name, set(asked.values()) - {""}))}.items():
            if (vote := fields.get("request_id", "")) in votes:
                found.setdefault(vote, []).append((identifier, fields.get("option", "")))
        ids = {identifier for entries in found.values() for identifier, _ in entries} | set(asked.values()) - {""}
        return Places(
            name,
            group,
            stream.group(name, group),
            stream.last_id(name),
            _receivers(client, name, group),
            len(part) < searched,
            found,
            remembered,
            _held(client, name, group, sorted(ids)),
            _letters(client.xrevrange(name + protocol.DEAD_SUFFIX, count=searched), votes, asked),
        )


def _remembered(client: Any, votes: Iterable[str]) -> dict[str, str]:
    known = client.mget([protocol.KEY_PREFIX + vote for vote in votes]) if votes else []
    return {vote: value.partition(" ")[0] for vote, value in zip(votes, known, strict=True) if value}


def _named(client: Any, name: str, ids: Iterable[str]) -> list[Entry]:
    pipe = client.pipeline(transaction=False)
    for identifier in ids:
        pipe.xrange(name, min=identifier, max=identifier)
    replies = pipe.execute(raise_on_error=False)  # an id that the API made up may not even be one
    return [entry for entries in replies if isinstance(entries, list) for entry in entries]


def _receivers(client: Any, name: str, group: str) -> dict[str, bool]:
    try:
        return {str(one["name"]): int(one.get("inactive", 0)) >= 0 for one in client.xinfo_consumers(name, group)}
    except redis.ResponseError:
        return {}


def _held(client: Any, name: str, group: str, ids: list[str]) -> dict[str, Held]:
    pipe = client.pipeline(transaction=False)
    for identifier in ids:
        pipe.xpending_range(name, group, identifier, identifier, 1)
    replies = pipe.execute(raise_on_error=False)  # NOGROUP, or no id
    rows = [row for rows in replies if isinstance(rows, list) for row in rows]
    return {
        str(row["message_id"]): Held(str(row["consumer"]), int(row["time_since_delivered"]), int(row["times_delivered"])) for row in rows
    }


def _letters(letters: Iterable[Entry], votes: Iterable[str], asked: Mapping[str, str]) -> dict[str, Letter]:
    by_source = {identifier: vote for vote, identifier in asked.items() if identifier}
    known, found = set(votes), dict[str, Letter]()
    for identifier, fields in letters:
        vote = fields.get("request_id", "")
        vote = vote if vote in known else by_source.get(fields.get("source_id", ""), "")
        if vote:
            found[vote] = Letter(identifier, fields.get("reason", ""))
    return found
