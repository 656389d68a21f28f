"""The stream contract: the names and the shape that API and consumer share. They stand here and nowhere else.

An entry of the stream has three fields: `option`, `timestamp` (milliseconds since the epoch) and `request_id` (the vote's
id, a UUID). A dead letter has the fields of the entry it was made from, and `source_id` and `reason`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from system.errors import EntryMalformed

STREAM = "votes"
GROUP = "vote-processors"
GROUP_START = "0"  # from the first entry: votes cast before the first consumer ever ran are counted

FIELD_OPTION = "option"
FIELD_TIMESTAMP = "timestamp"
FIELD_VOTE_ID = "request_id"
FIELD_SOURCE_ID = "source_id"
FIELD_REASON = "reason"

OPTION_MAX_CHARACTERS = 64
TIMESTAMP_MAX = 2**53  # what every JSON and Lua number holds exactly

_REQUIRED = (FIELD_OPTION.encode(), FIELD_TIMESTAMP.encode(), FIELD_VOTE_ID.encode())
_DIGITS = re.compile(rb"[0-9]{1,16}")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")  # uuid.UUID takes braces, capitals and urn: as well


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote as it travels.

    Attributes:
        option: what was voted for.
        timestamp: when it was accepted, milliseconds since the epoch.
        vote_id: the UUID that it is counted by, once, in its canonical form.
    """

    option: str
    timestamp: int
    vote_id: str


def dead_letters(stream: str) -> str:
    """Name the stream that takes the entries of `stream` that are not votes."""
    return f"{stream}:dead"


def encode(vote: Vote) -> dict[str, str]:
    """Turn a vote into the fields of a stream entry."""
    return {
        FIELD_OPTION: vote.option,
        FIELD_TIMESTAMP: str(vote.timestamp),
        FIELD_VOTE_ID: vote.vote_id,
    }


def decode(fields: Mapping[bytes, bytes]) -> Vote:
    """Turn the raw fields of a stream entry into a vote.

    Raises:
        EntryMalformed: a field is missing or not what the contract says; the text is the reason. Further fields do no harm.
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
        raise EntryMalformed("request_id is not a UUID in its canonical form")
    return Vote(text, int(timestamp), vote_id.decode())
