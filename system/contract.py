"""The stream contract: the names and the shape that API and consumer share. They stand here and nowhere else.

An entry of the stream has three fields: `option`, `timestamp` (milliseconds since the epoch) and `request_id` (the vote's
id, a UUID). A dead letter has the fields of the entry it was made from, and `source_id` and `reason`.
"""

import uuid
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


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote as it travels.

    Attributes:
        option: what was voted for.
        timestamp: when it was accepted, milliseconds since the epoch.
        vote_id: the UUID that it is counted by, once.
    """

    option: str
    timestamp: int
    vote_id: uuid.UUID


def dead_letters(stream: str) -> str:
    """Name the stream that takes the entries of `stream` that are not votes."""
    return f"{stream}:dead"


def encode(vote: Vote) -> dict[str, str]:
    """Turn a vote into the fields of a stream entry."""
    return {
        FIELD_OPTION: vote.option,
        FIELD_TIMESTAMP: str(vote.timestamp),
        FIELD_VOTE_ID: str(vote.vote_id),
    }


def decode(fields: Mapping[bytes, bytes]) -> Vote:
    """Turn the raw fields of a stream entry into a vote.

    Raises:
        EntryMalformed: a field is missing or not what the contract says; the text is the reason. Further fields do no harm.
    """
    try:
        text = {name.decode(): value.decode() for name, value in fields.items()}
    except UnicodeDecodeError:
        raise EntryMalformed("not UTF-8") from None
    for name in (FIELD_OPTION, FIELD_TIMESTAMP, FIELD_VOTE_ID):
        if name not in text:
            raise EntryMalformed(f"missing field {name}")
    option, timestamp, vote_id = text[FIELD_OPTION], text[FIELD_TIMESTAMP], text[FIELD_VOTE_ID]
    if not 0 < len(option) <= OPTION_MAX_CHARACTERS or "\x00" in option:
        raise EntryMalformed("option is empty, too long or not text")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16 and int(timestamp) <= TIMESTAMP_MAX):  # noqa: PLR2004 - digits of 2**53
        raise EntryMalformed("timestamp is not milliseconds since the epoch")
    try:
        parsed = uuid.UUID(vote_id)
    except ValueError:
        raise EntryMalformed("request_id is not a UUID") from None
    if str(parsed) != vote_id:
        raise EntryMalformed("request_id is not a UUID in its canonical form")
    return Vote(option, int(timestamp), parsed)
