"""One numbered database of a managed Redis: its keys and their ages, its connections, and the consumer names of a group."""

from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import redis

from validation.core import inputs
from validation.core.errors import ProbeError
from validation.probes.running import stream_dump

SECONDS = 30.0
FOR_EVER = -1
"""What PTTL says of a key without an expiry."""

# Adds votes as any producer could (KEYS: the stream; ARGV: a text that makes the ids new, how many, the options).
ADD_VOTES = """
for i = 1, ARGV[2] do
  local h = redis.sha1hex(ARGV[1] .. i)
  local id = h:sub(1, 8) .. '-' .. h:sub(9, 12) .. '-4' .. h:sub(14, 16) .. '-8' .. h:sub(18, 20) .. '-' .. h:sub(21, 32)
  redis.call('XADD', KEYS[1], '*', 'option', ARGV[3 + i % (#ARGV - 2)], 'timestamp', '1700000000000', 'request_id', id)
end
"""


class Keyspace:
    """A client of one database of a Redis that nobody else uses. The `with` statement refuses one that is in use, and empties its own.

    Raises:
        ProbeError: on entry, the database is in use.
    """

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS)
        self._number = int(self._client.connection_pool.connection_kwargs.get("db", 0))

    def __enter__(self) -> Self:
        if self._client.dbsize():
            raise ProbeError(f"Database {self._number} of Redis is in use.", "another scenario runs, or left keys there")
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._client.flushdb()
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def add_votes(self, stream: str, token: str, count: int, options: Iterable[str]) -> None:
        """Add votes, each with a new id, in one command."""
        inputs.note(f"{count} x XADD {stream} * option, timestamp, request_id")
        self._client.eval(ADD_VOTES, 1, stream, token, count, *options)

    def add(self, stream: str, identifier: str, fields: Mapping[str, str]) -> str:
        """Add one entry under an id of the caller's choice, and return the id."""
        inputs.note(f"XADD {stream} {identifier}")
        return str(self._client.xadd(stream, dict(fields), id=identifier))

    def delete(self, stream: str, identifier: str) -> None:
        """Delete one entry, as an operator can."""
        inputs.note(f"XDEL {stream} {identifier}")
        self._client.xdel(stream, identifier)

    def lives(self) -> dict[str, int]:
        """Return every key and its remaining milliseconds, or `FOR_EVER`."""
        names = list(self._client.scan_iter(count=1000))
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.pttl(name)
        return {name: left for name, left in zip(names, pipe.execute(), strict=True) if left >= FOR_EVER}

    def let_expire(self, names: Collection[str]) -> None:
        """Expire keys now, as if their time had passed."""
        inputs.note(f"{len(names)} keys reach the end of their time")
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.pexpire(name, 1)
        pipe.execute()

    def connections(self) -> list[str]:
        """Return the addresses of the other connections to this database."""
        own = self._client.client_id()
        return [one["addr"] for one in self._client.client_list() if one["db"] == str(self._number) and one["id"] != str(own)]

    def drop_connections(self) -> int:
        """Close every other connection to this database, and return how many."""
        return sum(int(self._client.client_kill_filter(addr=address)) for address in self.connections())

    def names(self, stream: str, group: str) -> dict[str, int]:
        """Return the consumer names of a group and how long each has been idle, in milliseconds."""
        return {str(one["name"]): int(one["idle"]) for one in self._client.xinfo_consumers(stream, group)}

    def add_names(self, stream: str, group: str, names: Iterable[str]) -> None:
        """Add consumer names to a group, as consumers do that were killed before they read anything."""
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.xgroup_createconsumer(stream, group, name)
        pipe.execute()

    def age_names(self, stream: str, names: Collection[str], milliseconds: int) -> None:
        """Set how long consumer names have been idle: Redis itself has no command for it, but keeps it in what DUMP returns."""
        inputs.note(f"{len(names)} consumer names of {stream} become {milliseconds} ms older")
        dumped = redis.Redis(
            connection_pool=redis.ConnectionPool(**self._client.connection_pool.connection_kwargs | {"decode_responses": False})
        )
        try:
            value: Any = dumped.dump(stream)
            dumped.restore(stream, 0, stream_dump.older(value, names, milliseconds), replace=True)
        finally:
            dumped.connection_pool.disconnect()

    def read_and_acknowledge(self, stream: str, group: str, name: str) -> None:
        """Read everything that a group has not read yet, and acknowledge everything that it holds."""
        self._client.xreadgroup(group, name, {stream: ">"})
        held = self._client.xreadgroup(group, name, {stream: "0"})
        for _, entries in held.items() if isinstance(held, dict) else held:
            for identifier, _ in entries[0] if entries and isinstance(entries[0], list) else entries:
                self._client.xack(stream, group, identifier)

    def size(self, stream: str) -> int:
        """Return the number of entries of a stream."""
        return int(self._client.xlen(stream))

    def server(self, *fields: str) -> dict[str, float]:
        """Return numbers that INFO shows about the whole server."""
        found = self._client.info("everything")
        return {field: float(found[field]) for field in fields}
