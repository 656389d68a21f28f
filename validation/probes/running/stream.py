"""Looks into the Redis stream, and puts entries there as any producer could."""

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
    """A consumer group as XINFO shows it.

    Attributes:
        pending: delivered and not acknowledged.
        lag: not yet delivered; None where Redis cannot tell.
        last_delivered: the stream id of the last delivery.
    """

    pending: int
    lag: int | None
    last_delivered: str

    @property
    def drained(self) -> bool:
        """Whether everything was delivered and acknowledged."""
        return self.pending == 0 and self.lag == 0


def _looking(method: Callable[Concatenate["StreamProbe", P], T]) -> Callable[Concatenate["StreamProbe", P], T]:
    @wraps(method)
    def call(self: "StreamProbe", *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except (redis.RedisError, OSError) as error:
            raise ProbeError(f"The stream could not be looked at: {error}.", "Redis is down") from error

    return call  # type: ignore[return-value] # functools.wraps forgets that it is a method


class StreamProbe:
    """Reads a Redis.

    Args:
        url: its address; empty where none was given.

    Raises:
        NotProven: there is no address.
        ProbeError: from every method, when Redis does not answer.
    """

    def __init__(self, url: str) -> None:
        if not url:
            raise NotProven("The stream cannot be looked at: no --redis-url was given.")
        self._client: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)

    @_looking
    def length(self, stream: str) -> int:
        """How many entries a stream has; 0 where there is none."""
        return int(self._client.xlen(stream))

    @_looking
    def last_id(self, stream: str) -> str:
        """The id of the newest entry ever added; `0-0` where there is none."""
        try:
            return str(self._client.xinfo_stream(stream)["last-generated-id"])
        except redis.ResponseError:
            return "0-0"

    @_looking
    def entries_after(self, stream: str, after: str = "0-0") -> list[Entry]:
        """The entries added after an id, oldest first; trimmed ones are gone."""
        return list(self._client.xrange(stream, min=f"({after}" if after != "0-0" else "-"))

    @_looking
    def entry(self, stream: str, identifier: str) -> dict[str, str] | None:
        """One entry's fields, or None."""
        found = self._client.xrange(stream, min=identifier, max=identifier)
        return found[0][1] if found else None

    @_looking
    def group(self, stream: str, group: str) -> Group | None:
        """A consumer group, or None."""
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

    @_looking
    def oldest_uncounted(self, stream: str, group: str) -> float | None:
        """When the oldest entry came that is not acknowledged, in seconds since the epoch by Redis's clock; None: all are."""
        held = self._client.xpending(stream, group)["min"]
        if held is None:
            told = self.group(stream, group)
            later = self._client.xrange(stream, min=f"({told.last_delivered}", count=1) if told else []
            held = later[0][0] if later else None
        return None if held is None else int(held.partition("-")[0]) / 1000

    @_looking
    def whole_story(self, stream: str) -> dict[str, Any]:
        """What Redis tells of a stream: itself, its groups, and each group's consumers and pending entries."""
        groups = self._client.xinfo_groups(stream)
        return {
            "stream": self._client.xinfo_stream(stream),
            "groups": groups,
            "consumers": {g["name"]: self._client.xinfo_consumers(stream, g["name"]) for g in groups},
            "pending": {g["name"]: self._client.xpending(stream, g["name"]) for g in groups},
        }

    @_looking
    def add(self, stream: str, fields: Mapping[str, str], identifier: str = "*") -> str:
        """Add one entry and give its id."""
        return str(self._client.xadd(stream, dict(fields), id=identifier))

    @_looking
    def add_many(self, stream: str, entries: list[dict[str, str]]) -> list[str]:
        """Add entries in one go and give their ids."""
        pipe = self._client.pipeline(transaction=False)
        for fields in entries:
            pipe.xadd(stream, fields)
        return [str(i) for i in pipe.execute()]

    @_looking
    def deliver(self, stream: str, group: str, consumer: str, count: int) -> list[Entry]:
        """Read as a consumer that dies right after: create the group where needed, take entries, acknowledge nothing."""
        try:
            self._client.xgroup_create(stream, group, "0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        answer = self._client.xreadgroup(group, consumer, {stream: ">"}, count=count)
        return _flatten(answer)

    @_looking
    def age(self, stream: str, group: str, consumer: str, identifiers: list[str], milliseconds: int) -> None:
        """Make entries look as if a consumer had held them for a while."""
        self._client.xclaim(stream, group, consumer, 0, identifiers, idle=milliseconds, justid=True)

    @contextmanager
    def tap(self, stream: str) -> Iterator["queue.SimpleQueue[Entry]"]:
        """Listen to a stream as a bystander: every entry added from now on arrives, even one that is trimmed a moment later."""
        arrived: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        ended = threading.Event()
        start = self.last_id(stream)

        def listen(after: str) -> None:
            with suppress(redis.RedisError, OSError):  # what did not arrive is not observed, and the step says so
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
        """Listen to what clients send to the server.

        Yields:
            A function that gives the words of the first `command` with the words `about`, or none after `within` seconds.
        """
        with self._client.monitor() as monitor:

            def first() -> list[str]:
                end = time.monotonic() + within
                while time.monotonic() < end:
                    with suppress(redis.TimeoutError):  # nothing was said for a while
                        words = str(monitor.next_command()["command"]).split()
                        if words[:1] == [command] and set(about) <= set(words):
                            return words
                return []

            yield first

    @_looking
    def set_command(self, command: str, *, allowed: bool) -> None:
        """Allow or forbid one command for the default user: a fault that hits exactly one step of the consumer's turn."""
        self._client.acl_setuser("default", enabled=True, reset=False, commands=[f"{'+' if allowed else '-'}{command}"])

    @_looking
    def forget_scripts(self) -> None:
        """Make the server forget its scripts, as a restart does."""
        self._client.script_flush()

    @_looking
    def pause_clients(self, milliseconds: int) -> None:
        """Let the server answer nobody for a while."""
        self._client.client_pause(milliseconds)

    @_looking
    def destroy_group(self, stream: str, group: str) -> bool:
        """Destroy a consumer group; tell whether there was one."""
        return bool(self._client.xgroup_destroy(stream, group))

    @_looking
    def configure(self, name: str, value: str) -> None:
        """Change a setting of the live server."""
        self._client.config_set(name, value)

    @_looking
    def used_memory(self) -> int:
        """How many bytes the server uses."""
        return int(self._client.info("memory")["used_memory"])

    @_looking
    def refusals(self, error: str) -> int:
        """How often the server has answered with an error of this name."""
        told = self._client.info("errorstats").get(f"errorstat_{error}", {"count": 0})
        return int(told["count"] if isinstance(told, dict) else str(told).partition("=")[2])

    @_looking
    def settings(self, *names: str) -> dict[str, str]:
        """Settings of the live server, by name."""
        return {name: self._client.config_get(name).get(name, "") for name in names}

    @_looking
    def forget(self, *streams: str) -> None:
        """Remove streams that the harness made itself."""
        self._client.delete(*streams)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _flatten(answer: Any) -> list[Entry]:
    """Take the entries out of a reply to XREAD or XREADGROUP, in either version of the protocol."""
    pairs = answer.items() if isinstance(answer, dict) else answer or []
    return [entry for _, entries in pairs for entry in (entries[0] if entries and isinstance(entries[0], list) else entries)]
