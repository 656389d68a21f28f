"""How far the counting is behind, as Redis sees it."""

import math
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from system.settings import ConsumerSettings


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not counted yet; NaN where Redis cannot tell.

    Attributes:
        lag: entries that nobody was given.
        pending: entries that were given to a consumer and not acknowledged.
        oldest_seconds: the age of the oldest of them all, by Redis's own clock; 0 when there is none.
    """

    lag: float = math.nan
    pending: float = math.nan
    oldest_seconds: float = math.nan


async def measure(redis: Redis, settings: ConsumerSettings) -> Backlog:
    """Ask Redis. An entry's id says when it was added, so that no other clock matters."""
    stream, group = settings.stream_name, settings.consumer_group
    try:
        told: Any = await redis.xinfo_groups(stream)
    except ResponseError:  # there is no stream yet
        return Backlog()
    own: Any = next((g for g in told if g["name"] in {group, group.encode()}), None)
    if own is None:
        return Backlog()
    waiting: Any = await redis.xrange(stream, min=b"(" + own["last-delivered-id"], count=1)
    held: Any = await redis.xpending(stream, group)
    ids = [entry for entry, _ in waiting] + ([held["min"]] if held["pending"] else [])
    seconds, microseconds = await redis.time()
    now = seconds + microseconds / 1e6
    oldest = max((now - int(identifier.partition(b"-")[0]) / 1000 for identifier in ids), default=0.0)
    lag = own.get("lag")
    return Backlog(math.nan if lag is None else lag, held["pending"], max(oldest, 0.0))
