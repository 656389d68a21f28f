"""The API's side of the stream: add votes, at most one per Idempotency-Key."""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Self

from redis.exceptions import NoScriptError, RedisError, ResponseError

from system import contract
from system.api.pipeline import Argument, Pipeline
from system.contract import Vote
from system.errors import KeyReused
from system.redis_pool import RedisPool, RedisUnfit, check

SOCKET_TIMEOUT_SECONDS = 1.0
CONNECTIONS = 50
"""All votes of a process share one; the rate limit uses one per request that it is counting."""

KEY_PREFIX = "votes:key:"
"""Prefix of the Redis key that remembers the entry of a vote id."""
READY_KEY = f"{KEY_PREFIX}ready"
READY_KEY_SECONDS = 10
"""The readiness check writes a key that expires. No vote id is called `ready`, and whoever may vote may write it."""

UNAVAILABLE = (RedisError, OSError)
"""What the methods below raise when Redis does not respond or rejects a command."""

# KEYS: the stream, the remembered entry. ARGV: seconds to remember, option, then the fields of the entry.
# Returns the entry's id, new or remembered, or false if the key was used for a different option.
ADD_ONCE = """
local known = redis.call('GET', KEYS[2])
if known then
  local id, option = known:match('^(%S+) (%S+)$')
  if option ~= ARGV[2] then return false end
  return id
end
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
redis.call('SET', KEYS[2], id .. ' ' .. ARGV[2], 'EX', ARGV[1])
return id
"""
ADD_ONCE_SHA = hashlib.sha1(ADD_ONCE.encode(), usedforsecurity=False).hexdigest()


def is_wrong_type(failure: BaseException) -> bool:
    """Return whether the stream's name holds another data type, which no retry can fix."""
    return isinstance(failure, ResponseError) and str(failure).startswith("WRONGTYPE")


class VoteStream:
    """Redis as the API uses it. It never retries a command: a lost reply must not become a second vote."""

    def __init__(self, pool: RedisPool, key_seconds: int, *, durable: bool) -> None:
        self.pool = pool
        self._pipeline = Pipeline(pool)
        self._key_seconds = key_seconds
        self._durable = durable

    @classmethod
    def at(cls, redis_url: str, key_seconds: int, *, durable: bool = True) -> Self:
        """Return a stream that connects on first use.

        Args:
            redis_url: the URL of Redis.
            key_seconds: how long keys are remembered.
            durable: refuse a Redis whose settings may lose a vote that it has confirmed.
        """
        pool = RedisPool.at(
            redis_url,
            durable=durable,
            reply_seconds=SOCKET_TIMEOUT_SECONDS,
            connect_seconds=SOCKET_TIMEOUT_SECONDS,
            max_connections=CONNECTIONS,
        )
        return cls(pool, key_seconds, durable=durable)

    async def add(self, vote: Vote) -> str:
        """Add a vote and return the id of its entry. If this raises, the vote may or may not be in the stream."""
        added: bytes = await self._pipeline.execute("XADD", contract.STREAM, "*", *_fields(vote))
        return added.decode()

    async def add_once(self, vote: Vote) -> str:
        """Add a vote unless its id is remembered. Return the id of its entry, new or remembered.

        Raises:
            KeyReused: the id is remembered with a different option.
        """
        arguments = (2, contract.STREAM, f"{KEY_PREFIX}{vote.vote_id}", self._key_seconds, vote.option, *_fields(vote))
        try:
            entry: bytes | None = await self._pipeline.execute("EVALSHA", ADD_ONCE_SHA, *arguments)
        except NoScriptError:  # nothing was executed: Redis does not know the script yet, or was restarted
            entry = await self._pipeline.execute("EVAL", ADD_ONCE, *arguments)
        if entry is None:
            raise KeyReused
        return entry.decode()

    async def remembered(self, vote_id: str) -> str | None:
        """Return the option of a vote whose key is remembered."""
        entry: bytes | None = await self._pipeline.execute("GET", f"{KEY_PREFIX}{vote_id}")
        return None if entry is None else entry.decode().partition(" ")[2]

    async def check(self) -> None:
        """Raise unless Redis would store a vote: it has the right role and settings, the stream is one, and it takes a write."""
        try:
            await check(self._pipeline.execute, durable=self._durable)
        except RedisUnfit:
            await self.pool.drop()  # it has changed since the connection was checked
            raise
        try:
            await self.length()
        except ResponseError as refused:  # whoever may not ask for the length may still add votes
            if is_wrong_type(refused):
                raise RedisUnfit(f"Redis: {contract.STREAM} is not a stream: rename that key") from None
        await self._pipeline.execute("SET", READY_KEY, "", "EX", READY_KEY_SECONDS)

    async def length(self) -> int:
        """Return the number of entries in the stream."""
        entries: int = await self._pipeline.execute("XLEN", contract.STREAM)
        return entries

    async def close(self) -> None:
        """Close all connections."""
        await self.pool.aclose()


def _fields(vote: Vote) -> Iterator[Argument]:
    return itertools.chain.from_iterable(contract.encode(vote).items())
