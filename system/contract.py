"""The stream contract shared by API and consumer. No other module defines these names.

A stream entry has three fields: `option`, `timestamp` (milliseconds since the epoch) and `request_id` (the vote's id, a UUID). With
tracing it has a fourth, `traceparent`, as W3C Trace Context defines it.
A dead-letter entry keeps the fields of the original entry and adds `source_id` and `reason`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from system.errors import EntryMalformed

STREAM = "votes"
GROUP = "vote-processors"
GROUP_START = "0"  # from the first entry, so votes cast before the first consumer started are counted

FIELD_OPTION = "option"
FIELD_TIMESTAMP = "timestamp"
FIELD_VOTE_ID = "request_id"
FIELD_TRACEPARENT = "traceparent"
FIELD_SOURCE_ID = "source_id"
FIELD_REASON = "reason"

OPTION_MAX_CHARACTERS = 64
TIMESTAMP_MAX = 2**53  # the largest integer that JSON and Lua numbers represent exactly

_REQUIRED = (FIELD_OPTION.encode(), FIELD_TIMESTAMP.encode(), FIELD_VOTE_ID.encode())
_DIGITS = re.compile(rb"[0-9]{1,16}")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")  # uuid.UUID also accepts braces, uppercase and urn:


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote on its way through the stream.

    Attributes:
        option: the option voted for.
        timestamp: when the vote was accepted, in milliseconds since the epoch.
        vote_id: canonical UUID; each id is counted once.
        traceparent: the trace that the vote belongs to; empty without tracing.
    """

    option: str
    timestamp: int
    vote_id: str
    traceparent: str = ""


def dead_letters(stream: str) -> str:
    """Return the name of the dead-letter stream of `stream`."""
    return f"{stream}:dead"


def encode(vote: Vote) -> dict[str, str]:
    """Encode a vote as the fields of a stream entry."""
    fields = {
        FIELD_OPTION: vote.option,
        FIELD_TIMESTAMP: str(vote.timestamp),
        FIELD_VOTE_ID: vote.vote_id,
    }
    if vote.traceparent:
        fields[FIELD_TRACEPARENT] = vote.traceparent
    return fields


def decode(fields: Mapping[bytes, bytes]) -> Vote:
    """Decode the raw fields of a stream entry. Other fields are ignored, so whatever `traceparent` holds, the vote counts.

    Raises:
        EntryMalformed: a field is missing or violates the contract; the message is the reason.
    """
    for name in _REQUIRED:
        if name not in fields:
            raise EntryMalformed(f"missing field {name.decode()}")
    option, timestamp, vote_id = (fields[name] for name in _REQUIRED)
    try:
        text = option.decode()
    except UnicodeDecodeError:
        raise EntryMalformed("option is not UTF-8") from None
    if not 0 < len(text) <= OPTION_MAX_CHARACTERS or "\x00" in text:
        raise EntryMalformed("option is empty, too long or not text")
    if not _DIGITS.fullmatch(timestamp) or int(timestamp) > TIMESTAMP_MAX:
        raise EntryMalformed("timestamp is not milliseconds since the epoch")
    if not _UUID.fullmatch(vote_id):
        raise EntryMalformed("request_id is not a canonical UUID")
    return Vote(text, int(timestamp), vote_id.decode())


def is_vote_id(text: str) -> bool:
    """Return whether a text is a vote id in canonical form."""
    return text.isascii() and _UUID.fullmatch(text.encode()) is not None


def vote_id_of(fields: Mapping[bytes, bytes]) -> str | None:
    """Return the vote id of an entry, malformed or not; None if it has none in canonical form."""
    vote_id = fields.get(FIELD_VOTE_ID.encode(), b"")
    return vote_id.decode() if _UUID.fullmatch(vote_id) else None


def traceparent_of(fields: Mapping[bytes, bytes]) -> str:
    """Return what an entry says about its trace, valid or not; empty if it says nothing."""
    return fields.get(FIELD_TRACEPARENT.encode(), b"").decode("latin-1")
