"""A real Valkey and PostgreSQL in which votes are brought to any hop, as the system and its defects would."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import redis
from anyio.from_thread import BlockingPortal

from validation.core import protocol
from validation.hops.sightings import TracedVote
from validation.hops.trace import Trace
from validation.hops.tracer import Tracer
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe

CONSUMER = "consumer-a"
INSERT = "insert into vote_ledger (vote_id, option, stream_id) values ($1::uuid, $2, $3)"
COUNT = "insert into votes (option, count) values ($1, $2) on conflict (option) do update set count = votes.count + excluded.count"


@dataclass
class World:
    """The two servers, empty at first."""

    redis_url: str
    database_url: str
    portal: BlockingPortal
    logs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.redis: Any = redis.Redis.from_url(self.redis_url, decode_responses=True)
        self.redis.flushdb()
        self.execute("truncate votes, vote_ledger")
        self.stream, self.store = StreamProbe(self.redis_url), StoreProbe(self.database_url, self.portal)
        self.tracer = Tracer(lambda: self.stream, lambda: self.store, logs=lambda _: self.logs)

    def trace(self, vote: TracedVote) -> Trace:
        """Return what is known of a vote."""
        (found,) = self.tracer.find([vote])
        return found

    def accepted(self, *, keyed: bool = True, added: bool = True, option: str = "cats", entry_option: str = "") -> TracedVote:
        """Accept a vote as the API does, or only say so."""
        vote_id, identifier = str(uuid.uuid4()), "9999999999999-0"
        if added:
            identifier = self.added(vote_id, entry_option or option)
            if keyed:
                self.redis.set(protocol.KEY_PREFIX + vote_id, f"{identifier} {option}")
        return TracedVote(vote_id, option, f"201 with stream id {identifier}", identifier, keyed)

    def added(self, vote_id: str, option: str = "cats") -> str:
        """Add an entry, and return its stream id."""
        return str(self.redis.xadd(protocol.STREAM, {"option": option, "timestamp": "1700000000000", "request_id": vote_id}))

    def group(self, start: str = "0") -> None:
        """Create the consumer group."""
        self.redis.xgroup_create(protocol.STREAM, protocol.GROUP, start, mkstream=True)

    def delivered(self) -> None:
        """Deliver everything to the consumer."""
        self.redis.xreadgroup(protocol.GROUP, CONSUMER, {protocol.STREAM: ">"})

    def acknowledged(self, *votes: TracedVote) -> None:
        """Acknowledge votes and trim them, as the consumer does."""
        for vote in votes:
            self.redis.xack(protocol.STREAM, protocol.GROUP, vote.stream_id)
            self.redis.xdel(protocol.STREAM, vote.stream_id)

    def dead_lettered(self, vote: TracedVote, reason: str) -> None:
        """Write a dead letter."""
        fields = {"option": vote.option, "request_id": vote.vote_id, "source_id": vote.stream_id, "reason": reason}
        self.redis.xadd(protocol.STREAM + protocol.DEAD_SUFFIX, fields)

    def counted(self, vote: TracedVote, option: str = "", *, times: int = 1) -> None:
        """Write a row of the ledger, and add to the count of its option."""
        self.execute(INSERT, vote.vote_id, option or vote.option, vote.stream_id or "7-0")
        self.execute(COUNT, option or vote.option, times)

    def execute(self, statement: str, *arguments: Any) -> None:
        """Execute a statement."""

        async def run() -> None:
            connection = await asyncpg.connect(self.database_url)
            try:
                await connection.execute(statement, *arguments)
            finally:
                await connection.close()

        self.portal.call(run)
