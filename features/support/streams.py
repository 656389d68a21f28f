"""Streams that a scenario creates for itself: filled before any consumer runs, counted by its own consumers, deleted afterwards."""

import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from validation.core import protocol
from validation.core.waiting import Waited
from validation.hops.sightings import TracedVote
from validation.probes.running.stream import Group, StreamProbe
from validation.targets.launching import LaunchingTarget

COUNTED_SECONDS = 25.0
TIMESTAMP = 1_700_000_000_000


@dataclass
class OwnStream:
    """A stream with its own consumer group, and the entries that were added to it.

    Attributes:
        name: the stream.
        group: the consumer group.
        votes: id → option; each must be counted once.
        entries: id → stream id of its first entry.
        malformed: entries that are not votes: stream id → fields.
    """

    name: str
    group: str
    votes: dict[str, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    malformed: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The variables of a consumer of this stream: short waits to keep the scenario short, and a log that names each vote."""
        own = {"STREAM_NAME": self.name, "CONSUMER_GROUP": self.group, "LOG_LEVEL": "DEBUG"}
        return own | {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "300"}

    @property
    def dead_letters(self) -> str:
        """The name of its dead-letter stream."""
        return self.name + protocol.DEAD_SUFFIX

    def add(self, stream: StreamProbe, count: int, *, first_times: int = 1) -> None:
        """Add new votes as the contract defines them, the first of them several times."""
        votes = self._new_votes(count)
        entries = [_entry(*vote) for vote in votes.items()]
        added = stream.add_many(self.name, entries + entries[:1] * (first_times - 1))
        self.entries |= dict(zip(votes, added, strict=False))

    def add_contradicted(self, stream: StreamProbe, count: int) -> None:
        """Add new votes, and then each of them once more for the other option: the first entry of a vote counts."""
        votes = self._new_votes(count)
        others = {vote: next(other for other in protocol.OPTIONS if other != option) for vote, option in votes.items()}
        added = stream.add_many(self.name, [_entry(*vote) for vote in (*votes.items(), *others.items())])
        self.entries |= dict(zip(votes, added, strict=False))

    def add_with(self, stream: StreamProbe, further: Mapping[str, str]) -> None:
        """Add one new vote with further fields."""
        for vote in self._new_votes(1).items():
            self.entries[vote[0]] = stream.add(self.name, _entry(*vote) | dict(further))

    def destroy_group(self, stream: StreamProbe, count: int) -> bool:
        """Destroy the group and add new votes in one step, before a consumer can create the group again."""
        return stream.destroy_group(self.name, self.group, [_entry(*vote) for vote in self._new_votes(count).items()])

    def add_under(self, stream: StreamProbe, identifiers: list[str]) -> list[str]:
        """Add new votes under the given stream ids, and return the ids that Redis reports."""
        votes = self._new_votes(len(identifiers)).items()
        added = [stream.add(self.name, _entry(*vote), identifier) for identifier, vote in zip(identifiers, votes, strict=True)]
        self.entries |= dict(zip(dict(votes), added, strict=True))
        return added

    def to_trace(self, vote_ids: Iterable[str]) -> list[TracedVote]:
        """Return votes for a tracer."""
        return [
            TracedVote(one, self.votes[one], f"added by votecheck as {self.entries[one]}", self.entries[one], added=True)
            if one in self.entries
            else TracedVote(one, self.votes.get(one, ""), "added by votecheck" if one in self.votes else "")
            for one in vote_ids
        ]

    def wait_until_drained(self, stream: StreamProbe) -> Waited[Group | None]:
        """Wait until everything was delivered and acknowledged."""
        return stream.wait_until_drained(self.name, self.group, within=COUNTED_SECONDS)

    def pending(self, stream: StreamProbe) -> int | str:
        """Return the number of entries that were delivered and not acknowledged; `no group` without a group."""
        group = stream.group(self.name, self.group)
        return group.pending if group else "no group"

    def unacknowledged(self, stream: StreamProbe) -> int:
        """Return the number of entries that were not acknowledged, delivered or not; 0 without a group."""
        group = stream.group(self.name, self.group)
        return group.pending + (group.lag or 0) if group else 0

    def _new_votes(self, count: int) -> dict[str, str]:
        votes = {str(uuid.uuid4()): protocol.OPTIONS[number % 2] for number in range(count)}
        self.votes |= votes
        return votes


def new_stream() -> OwnStream:
    """Return a stream and a group that nothing else uses, without entries."""
    token = secrets.token_hex(4)
    return OwnStream(f"votecheck:{token}", f"votecheck-{token}")


def new_own_stream(
    target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None], count: int, first_times: int = 1
) -> OwnStream:
    """Create a stream with votes for this scenario; it is deleted afterwards."""
    for server in (target.redis, target.database):
        server.require_managed()  # thousands of made-up votes do not belong in external results
    own = new_stream()
    afterwards(lambda: stream.forget(own.name, own.dead_letters))
    own.add(stream, count, first_times=first_times)
    return own


def _entry(vote_id: str, option: str) -> dict[str, str]:
    return {"option": option, "timestamp": str(TIMESTAMP), "request_id": vote_id}
