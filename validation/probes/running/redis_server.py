"""Change what a managed Redis is: a primary or a replica, a cluster of one node, a server with restricted users."""

from collections.abc import Collection
from types import TracebackType
from typing import Any, Self

from redis import Redis

from validation.core import inputs

SLOT_LAST = 16_383
NOWHERE = ("127.0.0.1", "1")


class RedisServer:
    """An administrator's connection to a managed Redis. Closed by the `with` statement."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def demote(self) -> None:
        """Make it a read-only replica of a primary that does not answer. Its data stays."""
        self._run("REPLICAOF", *NOWHERE)

    def promote(self) -> None:
        """Make it a primary."""
        self._run("REPLICAOF", "NO", "ONE")

    def take_all_slots(self) -> None:
        """Make a cluster of this one node."""
        self._run("CLUSTER", "ADDSLOTSRANGE", "0", str(SLOT_LAST))

    def is_working_cluster(self) -> bool:
        """Return whether the cluster accepts commands."""
        return b"cluster_state:ok" in self._run("CLUSTER", "INFO")

    def set_user(self, name: str, *rules: str) -> None:
        """Create a user with exactly these rules, or replace its rules."""
        self._run("ACL", "SETUSER", name, "reset", *rules)

    def empty(self) -> None:
        """Delete every key of this connection's database."""
        self._run("FLUSHDB")

    def put(self, *words: str) -> None:
        """Run a command that stores what belongs to another application."""
        self._run(*words)

    def contents(self, ours: Collection[str]) -> dict[str, tuple[int, bytes]]:
        """Return the keys that do not begin with one of `ours`, each with when it expires (ms, -1 for never) and its dumped value."""
        keys = [key.decode() for key in self._client.scan_iter(count=1000)]
        others = sorted(key for key in keys if not key.startswith(tuple(ours)))
        return {key: (self.expires_at(key), self._run("DUMP", key)) for key in others}

    def expires_at(self, key: str) -> int:
        """Return when a key expires, in epoch milliseconds; -1 for never, -2 without the key."""
        return int(self._run("PEXPIRETIME", key))

    def remove_user(self, name: str) -> None:
        """Remove a user."""
        self._run("ACL", "DELUSER", name)

    def _run(self, *words: str) -> Any:
        inputs.note(" ".join(words))
        return self._client.execute_command(*words)  # type: ignore[no-untyped-call]
