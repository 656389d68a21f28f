"""Read what a server was told by its command: every setting that differs from the server's own default."""

from collections.abc import Mapping
from typing import Any

from redis import AuthenticationError, Redis, RedisError

from validation.core import inputs
from validation.core.errors import ProbeError
from validation.probes.running.store import StoreProbe

SECONDS = 5.0
OWN = ("port", "bind", "dir")
"""Settings of this machine: the harness chooses them."""
COMMAND_LINE = "select name, setting from pg_settings where source = 'command line'"


class ConfiguredRedis:
    """A connection to a Redis that was started for this scenario. Closed by `close`."""

    def __init__(self, port: int, password: str) -> None:
        self._port = port
        self._client = Redis(host="127.0.0.1", port=port, password=password or None, socket_timeout=SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def facts(self) -> dict[str, str]:
        """Return every setting, its commands, its users with their rules but without their passwords, and its modules."""
        try:
            settings: Mapping[str, Any] = self._client.config_get("*")  # type: ignore[assignment]
            users = [" ".join(word for word in str(one).split() if not word.startswith("#")) for one in _texts(self._client.acl_list())]
            commands = sorted(_texts(self._client.command_list()))
            modules = sorted(_texts(self._client.module_list()))
        except RedisError as error:
            raise ProbeError(f"Cannot read the settings of Redis: {error}") from error
        return {**{str(name): str(value) for name, value in settings.items() if name not in OWN}, "the users": "; ".join(users),
                "the commands": " ".join(commands), "the modules": " ".join(modules)}  # fmt: skip

    def folder(self) -> str:
        """Return where it keeps its data."""
        return str(dict(self._client.config_get("dir"))["dir"])

    def answers(self) -> bool:
        """Return whether it answers this password."""
        try:
            return bool(self._client.ping())
        except AuthenticationError:
            return False
        except RedisError:
            return False

    def write(self) -> None:
        """Add an entry to a stream."""
        inputs.note("XADD votecheck * kept yes")
        self._client.xadd("votecheck", {"kept": "yes"})

    def entries(self) -> int:
        """Return the number of entries in the stream."""
        return int(self._client.xlen("votecheck"))


def differing(facts: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """Return what differs from the facts of a server that was told nothing."""
    return {name: facts.get(name, "missing") for name in sorted(facts.keys() | defaults.keys()) if facts.get(name) != defaults.get(name)}


def postgres_settings(store: StoreProbe) -> dict[str, str]:
    """Return every setting that the command line of PostgreSQL gave."""
    return {str(row[0]): str(row[1]) for row in store.rows(COMMAND_LINE)}


def _texts(answer: Any) -> list[str]:
    return [one.decode() if isinstance(one, bytes) else str(one) for one in answer]
