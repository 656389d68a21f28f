"""The consumer's backlog, as reported by Redis."""

import math
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from system.settings import ConsumerSettings


@dataclass(frozen=True, slots=True)
class Backlog:
    """Entries not counted yet; NaN if unknown.

    Attributes:
        lag: entries not yet delivered to any consumer.
        pending: entries delivered but not acknowledged.
        oldest_seconds: age of the oldest of these entries by the clock of Redis; 0 if there are none.
    """

    lag: float = math.nan
    pending: float = math.nan
    oldest_seconds: float = math.nan


async def measure(redis: Redis, settings: ConsumerSettings) -> Backlog:
    """Return the current backlog. Entry ids contain the time they were added, so only the clock of Redis matters."""
    stream, group = settings.stream_name, settings.consumer_group
    try:
        groups: Any = await redis.xinfo_groups(stream)
    except ResponseError:  # the stream does not exist yet
        return Backlog()
    own: Any = next((g for g in groups if g["name"] in {group, group.encode()}), None)
    if own is None:
        return Backlog()
    waiting: Any = await redis.xrange(stream, min=b"(" + own["last-delivered-id"], count=1)
    pending: Any = await redis.xpending(stream, group)
    ids = [entry for entry, _ in waiting] + ([pending["min"]] if pending["pending"] else [])
    seconds, microseconds = await redis.time()
    now = seconds + microseconds / 1e6
    oldest = max((now - int(identifier.partition(b"-")[0]) / 1000 for identifier in ids), default=0.0)
    lag = own.get("lag")
    return Backlog(math.nan if lag is None else lag, pending["pending"], max(oldest, 0.0))
