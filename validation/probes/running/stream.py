"""Read the Redis stream, and add entries as any producer could."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import redis

from validation.core import protocol
from validation.core.errors import NotProven, ProbeError
from validation.core.waiting import EVERY_SECONDS, Waited, eventually

SECONDS = 5.0
P = ParamSpec("P")
T = TypeVar("T")
Entry = tuple[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group as XINFO GROUPS shows it.

    Attributes:
        pending: number of pending entries.
        lag: number of entries not delivered yet; None if Redis does not know.
        last_delivered: stream id of the last delivered entry.
    """

    pending: int
    lag: int | None
    last_delivered: str

    @property
    def drained(self) -> bool:
        """Whether every entry was delivered and acknowledged."""
        return self.pending == 0 and self.lag == 0


def _probing(method: Callable[Concatenate["StreamProbe", P], T]) -> Callable[Concatenate["StreamProbe", P], T]:
    @wraps(method)
    def call(self: "StreamProbe", *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except (redis.RedisError, OSError) as error:
            raise ProbeError(f"Cannot read the stream: {error}.", "Redis is down") from error

    return call  # type: ignore[return-value] # functools.wraps forgets that it is a method


class StreamProbe:
    """A client of one Redis.

    Args:
        url: URL of the Redis; empty if none was given.

    Raises:
        NotProven: no URL was given.
        ProbeError: from every method, if Redis does not answer.
    """

    def __init__(self, url: str) -> None:
        if not url:
            raise NotProven("The stream cannot be read: no --redis-url was given.")
        self._client: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)

    @_probing
    def length(self, stream: str) -> int:
        """Return the length of a stream; 0 if it does not exist."""
        return int(self._client.xlen(stream))

    @_probing
    def last_id(self, stream: str) -> str:
        """Return the id of the newest entry ever added; `0-0` if the stream does not exist."""
        try:
            return str(self._client.xinfo_stream(stream)["last-generated-id"])
        except redis.ResponseError:
            return "0-0"

    @_probing
    def entries_after(self, stream: str, after: str = "0-0") -> list[Entry]:
        """Return the entries added after an id, oldest first. Trimmed entries are not among them."""
        return list(self._client.xrange(stream, min=f"({after}" if after != "0-0" else "-"))

    @_probing
    def entry(self, stream: str, identifier: str) -> dict[str, str] | None:
        """Return the fields of an entry, or None."""
        found = self._client.xrange(stream, min=identifier, max=identifier)
        return found[0][1] if found else None

    @_probing
    def group(self, stream: str, group: str) -> Group | None:
        """Return a consumer group, or None."""
        try:
            groups = self._client.xinfo_groups(stream)
        except redis.ResponseError:
            return None
        return next((Group(g["pending"], g.get("lag"), g["last-delivered-id"]) for g in groups if g["name"] == group), None)

    def is_drained(self, stream: str = protocol.STREAM, group: str = protocol.GROUP) -> bool:
        """Return whether every entry was delivered to a group and acknowledged."""
        found = self.group(stream, group)
        return found is not None and found.drained

    def wait_until_drained(
        self, stream: str = protocol.STREAM, group: str = protocol.GROUP, *, within: float, every: float = EVERY_SECONDS
    ) -> Waited[Group | None]:
        """Wait until every entry was delivered to a group and acknowledged, for `within` seconds at most."""
        return eventually(lambda: self.group(stream, group), lambda seen: seen is not None and seen.drained, within=within, every=every)

    @_probing
    def oldest_uncounted(self, stream: str, group: str) -> float | None:
        """Return when the oldest unacknowledged entry was added, in epoch seconds by Redis' clock; None if all are acknowledged."""
        held = self._client.xpending(stream, group)["min"]
        if held is None:
            found = self.group(stream, group)
            later = self._client.xrange(stream, min=f"({found.last_delivered}", count=1) if found else []
            held = later[0][0] if later else None
        return None if held is None else int(held.partition("-")[0]) / 1000

    @_probing
    def whole_story(self, stream: str) -> dict[str, Any]:
        """Return everything that XINFO and XPENDING tell about a stream, its groups and their consumers."""
        groups = self._client.xinfo_groups(stream)
        return {
            "stream": self._client.xinfo_stream(stream),
            "groups": groups,
            "consumers": {g["name"]: self._client.xinfo_consumers(stream, g["name"]) for g in groups},
            "pending": {g["name"]: self._client.xpending(stream, g["name"]) for g in groups},
        }

    @_probing
    def add(self, stream: str, fields: Mapping[str, str], identifier: str = "*") -> str:
        """Add one entry and return its id."""
        return str(self._client.xadd(stream, dict(fields), id=identifier))

    @_probing
    def add_many(self, stream: str, entries: list[dict[str, str]]) -> list[str]:
        """Add entries in one pipeline and return their ids."""
        pipe = self._client.pipeline(transaction=False)
        for fields in entries:
            pipe.xadd(stream, fields)
        return [str(i) for i in pipe.execute()]

    @_probing
    def deliver(self, stream: str, group: str, consumer: str, count: int) -> list[Entry]:
        """Read as a consumer that dies at once: create the group if needed, take entries, acknowledge nothing."""
        try:
            self._client.xgroup_create(stream, group, "0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        answer = self._client.xreadgroup(group, consumer, {stream: ">"}, count=count)
        return _flatten(answer)

    @_probing
    def age(self, stream: str, group: str, consumer: str, identifiers: list[str], milliseconds: int) -> None:
        """Set the idle time of pending entries, as if a consumer had held them that long."""
        self._client.xclaim(stream, group, consumer, 0, identifiers, idle=milliseconds, justid=True)

    @contextmanager
    def tap(self, stream: str) -> Iterator["queue.SimpleQueue[Entry]"]:
        """Follow a stream outside of any group: every entry added from now on arrives, even one that is trimmed a moment later."""
        arrived: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        ended = threading.Event()
        start = self.last_id(stream)

        def listen(after: str) -> None:
            with suppress(redis.RedisError, OSError):  # a step reports entries that did not arrive as not observed
                while not ended.is_set():
                    answer = self._client.xread({stream: after}, block=50)
                    for entry in _flatten(answer):
                        arrived.put(entry)
                        after = entry[0]

        listener = threading.Thread(target=listen, args=(start,), daemon=True)
        listener.start()
        try:
            yield arrived
        finally:
            ended.set()
            listener.join(SECONDS + 1)

    @contextmanager
    def wire(self, command: str, *about: str, within: float) -> Iterator[Callable[[], list[str]]]:
        """Watch the commands that clients send to the server.

        Yields:
            A function that returns the words of the first `command` with the words `about`, or nothing after `within` seconds.
        """
        with self._client.monitor() as monitor:

            def first() -> list[str]:
                end = time.monotonic() + within
                while time.monotonic() < end:
                    with suppress(redis.TimeoutError):  # no command for a while
                        words = str(monitor.next_command()["command"]).split()
                        if words[:1] == [command] and set(about) <= set(words):
                            return words
                return []

            yield first

    @_probing
    def set_command(self, command: str, *, allowed: bool) -> None:
        """Allow or forbid one command for the default user: a fault that hits exactly one step of the consumer."""
        self._client.acl_setuser("default", enabled=True, reset=False, commands=[f"{'+' if allowed else '-'}{command}"])

    @_probing
    def forget_scripts(self) -> None:
        """Flush the script cache, as a restart does."""
        self._client.script_flush()

    @_probing
    def pause_clients(self, milliseconds: int) -> None:
        """Stop the server from answering for a while."""
        self._client.client_pause(milliseconds)

    @_probing
    def destroy_group(self, stream: str, group: str) -> bool:
        """Destroy a consumer group and return whether it existed."""
        return bool(self._client.xgroup_destroy(stream, group))

    @_probing
    def configure(self, name: str, value: str) -> None:
        """Change a setting of the live server."""
        self._client.config_set(name, value)

    @_probing
    def used_memory(self) -> int:
        """Return the memory in use, in bytes."""
        return int(self._client.info("memory")["used_memory"])

    @_probing
    def refusals(self, error: str) -> int:
        """Return how often the server has replied with an error of this name."""
        stat = self._client.info("errorstats").get(f"errorstat_{error}", {"count": 0})
        return int(stat["count"] if isinstance(stat, dict) else str(stat).partition("=")[2])

    @_probing
    def settings(self, *names: str) -> dict[str, str]:
        """Return settings of the live server, by name."""
        return {name: self._client.config_get(name).get(name, "") for name in names}

    @_probing
    def forget(self, *streams: str) -> None:
        """Delete streams that the harness created."""
        self._client.delete(*streams)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _flatten(answer: Any) -> list[Entry]:
    """Return the entries in a reply to XREAD or XREADGROUP, in either version of the protocol."""
    pairs = answer.items() if isinstance(answer, dict) else answer or []
    return [entry for _, entries in pairs for entry in (entries[0] if entries and isinstance(entries[0], list) else entries)]
