"""Read the Redis stream, and add entries as any producer could."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import redis

from validation.core import inputs, protocol
from validation.core.errors import NotProven
from validation.core.readable import readable
from validation.core.waiting import EVERY_SECONDS, Waited, eventually
from validation.probes.running.redis_commands import Command, watched
from validation.probes.running.redis_errors import reading

SECONDS = 5.0
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


def order_of(stream_id: str) -> tuple[int, int]:
    """Return what stream ids are ordered by; a text that is not one comes before all others."""
    first, _, second = stream_id.partition("-")
    return (int(first), int(second)) if first.isdecimal() and second.isdecimal() else (-1, -1)


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
        self._url = url
        self._client: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)

    @property
    def url(self) -> str:
        """The URL of the Redis."""
        return self._url

    @reading("the stream")
    def length(self, stream: str) -> int:
        """Return the length of a stream; 0 if it does not exist."""
        return int(self._client.xlen(stream))

    @reading("the stream")
    def last_id(self, stream: str) -> str:
        """Return the id of the newest entry ever added; `0-0` if the stream does not exist."""
        try:
            return str(self._client.xinfo_stream(stream)["last-generated-id"])
        except redis.ResponseError:
            return "0-0"

    @reading("the stream")
    def entries_after(self, stream: str, after: str = "0-0") -> list[Entry]:
        """Return the entries added after an id, oldest first. Trimmed entries are not among them."""
        return list(self._client.xrange(stream, min=f"({after}" if after != "0-0" else "-"))

    @reading("the stream")
    def entry(self, stream: str, identifier: str) -> dict[str, str] | None:
        """Return the fields of an entry, or None."""
        found = self._client.xrange(stream, min=identifier, max=identifier)
        return found[0][1] if found else None

    @reading("the stream")
    def group(self, stream: str, group: str) -> Group | None:
        """Return a consumer group, or None."""
        try:
            groups = self._client.xinfo_groups(stream)
        except redis.ResponseError:
            return None
        return next((Group(g["pending"], g.get("lag"), g["last-delivered-id"]) for g in groups if g["name"] == group), None)

    def holders(self, stream: str, group: str) -> dict[str, int]:
        """Return the consumers that hold pending entries of a group, and how many each."""
        return {one["name"]: one["pending"] for one in self._client.xpending(stream, group)["consumers"]}

    def is_drained(self, stream: str = protocol.STREAM, group: str = protocol.GROUP) -> bool:
        """Return whether every entry was delivered to a group and acknowledged."""
        found = self.group(stream, group)
        return found is not None and found.drained

    def wait_until_drained(
        self, stream: str = protocol.STREAM, group: str = protocol.GROUP, *, within: float, every: float = EVERY_SECONDS
    ) -> Waited[Group | None]:
        """Wait until every entry was delivered to a group and acknowledged, for `within` seconds at most."""
        return eventually(lambda: self.group(stream, group), lambda seen: seen is not None and seen.drained, within=within, every=every)

    @reading("the stream")
    def oldest_uncounted(self, stream: str, group: str) -> float | None:
        """Return when the oldest unacknowledged entry was added, in epoch seconds by Redis' clock; None if all are acknowledged."""
        held = self._client.xpending(stream, group)["min"]
        if held is None:
            found = self.group(stream, group)
            later = self._client.xrange(stream, min=f"({found.last_delivered}", count=1) if found else []
            held = later[0][0] if later else None
        return None if held is None else int(held.partition("-")[0]) / 1000

    @reading("the stream")
    def whole_story(self, stream: str) -> dict[str, Any]:
        """Return everything that XINFO and XPENDING tell about a stream, its groups and their consumers."""
        groups = self._client.xinfo_groups(stream)
        return {
            "stream": self._client.xinfo_stream(stream),
            "groups": groups,
            "consumers": {g["name"]: self._client.xinfo_consumers(stream, g["name"]) for g in groups},
            "pending": {g["name"]: self._client.xpending(stream, g["name"]) for g in groups},
        }

    @reading("the stream")
    def add(self, stream: str, fields: Mapping[str, str | bytes], identifier: str = "*") -> str:
        """Add one entry and return its id."""
        inputs.note(f"XADD {stream} {identifier} {readable(fields)}")
        return str(self._client.xadd(stream, dict(fields), id=identifier))

    @reading("the stream")
    def add_many(self, stream: str, entries: list[dict[str, str]]) -> list[str]:
        """Add entries in one pipeline and return their ids."""
        inputs.note(f"{len(entries)} x XADD {stream} * {readable(entries[0]) if entries else ''}")
        pipe = self._client.pipeline(transaction=False)
        for fields in entries:
            pipe.xadd(stream, fields)
        return [str(i) for i in pipe.execute()]

    @reading("the stream")
    def deliver(self, stream: str, group: str, consumer: str, count: int) -> list[Entry]:
        """Read as a consumer that dies at once: create the group if needed, take entries, acknowledge nothing."""
        try:
            self._client.xgroup_create(stream, group, "0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        answer = self._client.xreadgroup(group, consumer, {stream: ">"}, count=count)
        return _flatten(answer)

    @reading("the stream")
    def acknowledge(self, stream: str, group: str, identifiers: list[str]) -> int:
        """Acknowledge entries for a group and return how many of them were pending."""
        return int(self._client.xack(stream, group, *identifiers)) if identifiers else 0

    @reading("the stream")
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

    def watched(self) -> AbstractContextManager[list[Command]]:
        """Watch the commands that clients send; see `redis_commands`."""
        return watched(self._url)

    @reading("the stream")
    def set_command(self, command: str, *, allowed: bool) -> None:
        """Allow or forbid one command for the default user: a fault that hits exactly one step of the consumer."""
        inputs.note(f"Redis {'allows' if allowed else 'forbids'} the command {command}")
        self._client.acl_setuser("default", enabled=True, reset=False, commands=[f"{'+' if allowed else '-'}{command}"])

    @reading("the stream")
    def forget_scripts(self) -> None:
        """Flush the script cache, as a restart does."""
        inputs.note("SCRIPT FLUSH")
        self._client.script_flush()

    @reading("the stream")
    def pause_clients(self, milliseconds: int) -> None:
        """Stop the server from answering for a while."""
        inputs.note(f"CLIENT PAUSE {milliseconds}")
        self._client.client_pause(milliseconds)

    @reading("the stream")
    def destroy_group(self, stream: str, group: str, then: Sequence[Mapping[str, str]] = ()) -> bool:
        """Destroy a consumer group and return whether it existed. The entries `then` are added before any other command runs."""
        inputs.note(f"XGROUP DESTROY {stream} {group}, then {len(then)} x XADD")
        pipe = self._client.pipeline(transaction=True)
        pipe.xgroup_destroy(stream, group)
        for fields in then:
            pipe.xadd(stream, dict(fields))
        return bool(pipe.execute()[0])

    @reading("the stream")
    def configure(self, name: str, value: str) -> None:
        """Change a setting of the live server."""
        inputs.note(f"CONFIG SET {name} {value}")
        self._client.config_set(name, value)

    @reading("the stream")
    def used_memory(self) -> int:
        """Return the memory in use, in bytes."""
        return int(self._client.info("memory")["used_memory"])

    @reading("the stream")
    def refusals(self, error: str) -> int:
        """Return how often the server has replied with an error of this name."""
        stat = self._client.info("errorstats").get(f"errorstat_{error}", {"count": 0})
        return int(stat["count"] if isinstance(stat, dict) else str(stat).partition("=")[2])

    @reading("the stream")
    def settings(self, *names: str) -> dict[str, str]:
        """Return settings of the live server, by name."""
        inputs.note(f"CONFIG GET {' '.join(names)}")
        return {name: self._client.config_get(name).get(name, "") for name in names}

    @reading("the stream")
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
