"""Watch the commands that clients send to a Redis, while they are sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from validation.core.errors import ProbeError

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        at: when the server received it, in epoch seconds by its clock.
        words: the command and its arguments.
    """

    at: float
    words: tuple[str, ...]

    def after(self, name: str) -> str:
        """Return the word after another one; empty if there is none."""
        upper = [word.upper() for word in self.words[:-1]]
        return self.words[upper.index(name) + 1] if name in upper else ""


@contextmanager
def watched(url: str) -> Iterator[list[Command]]:
    """Yield a list that grows by each command that any client sends to the database of a URL.

    Raises:
        ProbeError: Redis does not answer; on leaving the block, if the commands could not be read to the end.
    """
    # Silence is not an error, and a connection that timed out cannot be read any more.
    client: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=None, socket_connect_timeout=SECONDS)
    seen: list[Command] = []
    failed: list[Exception] = []
    ended = threading.Event()
    try:
        number = int(client.connection_pool.connection_kwargs.get("db", 0))
        with client.monitor() as monitor:
            watcher = threading.Thread(target=_collect, args=(monitor, number, seen, failed, ended), daemon=True)
            watcher.start()
            yield seen
            ended.set()
            client.ping()  # wakes the watcher
            watcher.join(SECONDS)
            if failed:
                raise failed[0]
    except (redis.RedisError, OSError) as error:
        raise ProbeError(f"Cannot watch the commands of Redis: {error}.", "Redis is down") from error
    finally:
        ended.set()
        client.close()


def _collect(monitor: Any, number: int, seen: list[Command], failed: list[Exception], ended: threading.Event) -> None:
    try:
        while not ended.is_set():
            got = monitor.next_command()
            if int(got["db"]) == number:
                seen.append(Command(float(got["time"]), tuple(str(got["command"]).split())))
    except (redis.RedisError, OSError) as error:
        failed.append(error)
