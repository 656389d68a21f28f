"""What marked clients sent along every path, and helpers to compare it with what was kept."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from features.support.apart import Apart
from features.support.marked import MarkedClient
from validation.probes.running.event_stream import EventStream
from validation.probes.running.http import Answer
from validation.targets.process import Child

PRIVACY_PAGE = "docs/explanation/privacy.md"
ACCEPTED = 201


@dataclass
class Sent:
    """One client's request along one path."""

    path: str
    expected: int
    client: MarkedClient
    origin: str
    answer: Answer


@dataclass
class Walk:
    """What marked clients sent along every path, and the consumer that counted their votes."""

    apart: Apart
    consumer: Child
    live: EventStream
    sent: list[Sent] = field(default_factory=list)

    @property
    def clients(self) -> list[MarkedClient]:
        """Every client."""
        return [one.client for one in self.sent]

    @property
    def vote_ids(self) -> list[str]:
        """The ids of the accepted votes."""
        bodies = [one.answer.json() for one in self.sent if one.answer.status == ACCEPTED]
        return [str(body["vote_id"]) for body in bodies if isinstance(body, dict)]


def distinct_fields(records: Iterable[Any]) -> list[list[str]]:
    """Return the names of the fields of records, each combination once."""
    return [list(names) for names in sorted({tuple(sorted(record)) for record in records})]


def without_vote_id(line: str) -> str:
    """Return a line of a log without its field `vote_id`."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    return json.dumps({name: value for name, value in event.items() if name != "vote_id"}) if isinstance(event, dict) else line
