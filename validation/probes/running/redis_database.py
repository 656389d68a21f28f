"""One of the numbered databases of a managed Redis, which a scenario has for itself: its keys, groups and the commands that it receives."""

from contextlib import AbstractContextManager
from typing import Any

import redis

from validation.core import inputs
from validation.probes.running.redis_commands import Command, watched
from validation.probes.running.redis_errors import reading

SECONDS = 5.0
PENDING_MOST = 1000


class RedisDatabase:
    """A client of one database.

    Raises:
        ProbeError: from every method, if Redis does not answer.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)

    @reading("Redis")
    def clear(self) -> None:
        """Delete everything in this one database of the server."""
        self._client.flushdb()

    @reading("Redis")
    def delete(self, stream: str, identifier: str) -> None:
        """Delete one entry; it stays pending where it was delivered."""
        inputs.note(f"XDEL {stream} {identifier}")
        self._client.xdel(stream, identifier)

    @reading("Redis")
    def set_text(self, key: str, text: str) -> None:
        """Replace whatever a key holds by a text."""
        inputs.note(f"SET {key} {text}")
        self._client.set(key, text)

    @reading("Redis")
    def forgotten_at(self, key: str) -> str:
        """Return when a key expires, in epoch milliseconds by the clock of Redis; -1 is never, -2 is that it does not exist."""
        return str(self._client.pexpiretime(key))

    @reading("Redis")
    def groups(self, stream: str) -> dict[str, list[str]]:
        """Return the groups of a stream, and the names of the consumers in each."""
        return {g["name"]: [c["name"] for c in self._client.xinfo_consumers(stream, g["name"])] for g in self._client.xinfo_groups(stream)}

    @reading("Redis")
    def pending_of(self, stream: str, group: str, consumer: str) -> list[str]:
        """Return the ids of the entries that are pending for a consumer."""
        found = self._client.xpending_range(stream, group, "-", "+", PENDING_MOST, consumername=consumer)
        return [str(one["message_id"]) for one in found]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def watched(self) -> AbstractContextManager[list[Command]]:
        """Watch the commands that clients send to this database; see `redis_commands`."""
        return watched(self._url)
