"""Connections to Redis for the API and the consumer: checked when opened, never used after Redis closed them, dropped when they lead wrong.

A connection outlives a failover: the server at its other end may have become a replica. Only a new connection resolves the name again.
"""

import re
from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from system.errors import StoreUnfit

WRONG_SERVER = re.compile(r"(?:^|-)(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|MISCONF|MOVED|ASK|TRYAGAIN|UNBLOCKED)\b")
"""Replies of a server that cannot do the work now, at the start of the text or after a script's own words."""

REQUIRED_ROLE = {
    "role": ("master", "the name must lead to the primary"),
    "cluster_enabled": ("0", "Redis Cluster is not supported"),
    "loading": ("0", "Redis is still loading its data"),
}
REQUIRED_SETTINGS = {
    "aof_enabled": ("1", "set appendonly to yes"),
    "appendfsync": ("always", "set it to always"),
    "maxmemory_policy": ("noeviction", "set it to noeviction"),
}
"""Fields of INFO, and `appendfsync`, which INFO does not show: the value a vote needs, and what to do about another one."""


class RedisUnfit(StoreUnfit, RedisError):
    """Redis responds, and a role or setting makes it unsafe for votes."""


class Server(Protocol):
    """Anything that runs one command at a time on Redis."""

    def __call__(self, *command: str) -> Awaitable[Any]:
        """Run a command and return its reply."""


def is_wrong_server(error: BaseException) -> bool:
    """Return whether Redis refused a command because of its own state. Nothing was executed."""
    return isinstance(error, RedisError) and bool(WRONG_SERVER.search(f"{error.status_code or ''} {error}".lstrip()))


async def check(run: Server, *, durable: bool) -> None:
    """Check the role of a server and, if `durable`, its settings that a stored vote rests on.

    Raises:
        RedisUnfit: the first value that is wrong or cannot be read, and what is needed.
    """
    found = await _read(run, "INFO")
    if durable:
        found |= await _read(run, "CONFIG", "GET", "appendfsync")
    elif not found:
        return  # the user may not read INFO, and only the role is of interest: a replica refuses the first write
    for name, (needed, remedy) in (REQUIRED_ROLE | (REQUIRED_SETTINGS if durable else {})).items():
        value = found.get(name)
        if value is None:
            raise RedisUnfit(f"Redis: {name} cannot be read; allow INFO and CONFIG GET, or set REDIS_DURABILITY=assumed")
        if value != needed:
            raise RedisUnfit(f"Redis: {name} is {value}, needed is {needed}: {remedy}")


async def _read(run: Server, *command: str) -> dict[str, str]:
    try:
        reply = await run(*command)
    except ResponseError as refused:
        if is_wrong_server(refused):
            raise
        return {}  # not allowed, or renamed by the provider
    if isinstance(reply, bytes):
        return dict(line.split(":", 1) for line in reply.decode(errors="replace").splitlines() if ":" in line)
    pairs: Iterable[Any] = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    return {name.decode(): value.decode() for name, value in pairs}


class _Watched(AbstractConnection):
    """A connection that remembers a reply of a wrong server, and sees that the other end has closed it."""

    leads_wrong = False
    read_unwatched = AbstractConnection.read_response
    """Read a reply without a look at it, for a caller that passes each refusal to `note`: one layer less for each vote."""

    async def connect_check_health(self, *arguments: Any, **named: Any) -> None:
        self.leads_wrong = False
        await super().connect_check_health(*arguments, **named)

    async def read_response(self, *arguments: Any, **named: Any) -> Any:
        try:
            return await super().read_response(*arguments, **named)
        except RedisError as error:
            self.note(error)
            raise

    def note(self, refusal: RedisError) -> None:
        """Remember whether a reply came from a wrong server."""
        self.leads_wrong = self.leads_wrong or is_wrong_server(refusal)

    @property
    def is_closed(self) -> bool:
        """Whether the connection is not open, or the other end has closed or reset it."""
        reader, writer = self._reader, self._writer
        return reader is None or writer is None or writer.is_closing() or reader.exception() is not None or reader.at_eof()


class _Tcp(_Watched, Connection):
    """Over TCP."""


class _Tls(_Watched, SSLConnection):
    """Over TLS."""


class _Unix(_Watched, UnixDomainSocketConnection):
    """Over a Unix domain socket."""


CLASSES: dict[type[AbstractConnection], type[_Watched]] = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


class RedisPool(BlockingConnectionPool):
    """A pool whose connections are safe to send a vote over."""

    def __init__(self, connection_class: type[AbstractConnection] = Connection, **named: Any) -> None:
        super().__init__(connection_class=CLASSES[connection_class], **named)

    @classmethod
    def at(
        cls,
        redis_url: str,
        *,
        durable: bool,
        reply_seconds: float,
        connect_seconds: float,
        max_connections: int,
    ) -> "RedisPool":
        """Return a pool that connects on first use and never repeats a command.

        Args:
            redis_url: the URL of REDIS_URL.
            durable: refuse a Redis whose settings may lose a vote that it has confirmed.
            reply_seconds: limit for a reply.
            connect_seconds: limit for connecting, and before that for waiting until one of the connections is free.
            max_connections: connections open at a time.
        """

        async def on_connect(connection: _Watched) -> None:
            async def run(*command: str) -> Any:
                await connection.send_command(*command)
                return await connection.read_response(disable_decoding=True)

            await connection.on_connect()
            await check(run, durable=durable)

        return cls.from_url(
            redis_url,
            max_connections=max_connections,
            timeout=connect_seconds,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=reply_seconds,
            socket_connect_timeout=connect_seconds,
            redis_connect_func=on_connect,
            # With them, redis-py uses a connection that Redis has closed, because unread data may be a notification.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )

    async def ensure_connection(self, connection: _Watched) -> None:  # type: ignore[override] # every connection of this pool is one
        """Connect unless the connection is open and in step. Nothing has been sent, so connecting again repeats nothing."""
        if not connection.is_closed and not await connection.can_read():
            return
        await connection.disconnect(nowait=True)
        await connection.connect()  # type: ignore[no-untyped-call]

    async def release(self, connection: _Watched) -> None:  # type: ignore[override]
        """Take a connection back. One that failed or leads to the wrong server takes all others with it: the name may lead elsewhere."""
        if connection.leads_wrong or not connection.is_connected:
            await self.drop()
            await connection.disconnect(nowait=True)
        await super().release(connection)

    async def drop(self) -> None:
        """Close the idle connections now, and those in use when they are released."""
        await self.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call]
        for connection in self._available_connections:
            await connection.disconnect(nowait=True)
