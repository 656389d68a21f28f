"""The database as the API and the consumer see it: two functions of the schema, behind a pool that opens when it is needed."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, Self, cast

import asyncpg

from system.errors import CONNECTION_GONE, SettingsInvalid

# What one row can be guilty of: a value out of range, a constraint, an exception that a trigger raises.
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.PLPGSQLError)
# Everything else that can go wrong (catch REFUSED first): no connection, deadlock, serialization, read-only, missing function.
UNAVAILABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)

MAX_CONNECTIONS = 4
CLOSE_SECONDS = 0.5


class Counted(NamedTuple):
    """A vote to be counted: one row of the ledger."""

    vote_id: str
    option: str
    stream_id: str


async def open_connection(*arguments: Any, **named: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Open a connection as `asyncpg.connect` does.

    Raises:
        SettingsInvalid: the URL cannot be read. asyncpg's own text may quote a part of the password.
    """
    try:
        return cast("asyncpg.Connection[asyncpg.Record]", await asyncpg.connect(*arguments, **named))
    except OSError:
        raise  # an SSL error is an OSError and a ValueError at once
    except ValueError:
        raise SettingsInvalid(
            "DATABASE_URL: cannot be read as a PostgreSQL URL; are the special characters of the password percent-encoded?"
        ) from None


async def _keep_session(_connection: object) -> None:
    """Leave the session as it is: nothing here changes it, and asyncpg's own reset costs a round trip for each statement."""


class Store:
    """The counted votes.

    Each call ends within about two command time-outs, with its answer or one of UNAVAILABLE, or REFUSED for the data's own fault.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", command_timeout: float) -> None:
        self._pool = pool
        self._timeout = command_timeout

    @classmethod
    async def connect(cls, database_url: str, *, command_timeout: float) -> Self:
        """Make the store. No connection is opened, so the database may be down.

        Args:
            database_url: `postgresql://user:password@host:port/name`.
            command_timeout: seconds for a connection, and again for a statement.
        """
        milliseconds = round(command_timeout * 1000)
        pool = await asyncpg.create_pool(
            database_url,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            connect=open_connection,
            reset=_keep_session,
            timeout=command_timeout,
            command_timeout=command_timeout,
            server_settings={
                "statement_timeout": str(milliseconds),
                "lock_timeout": str(max(milliseconds // 2, 1)),
                # An entry is acknowledged once its vote is committed: committed has to mean on disk, whatever the server's default.
                "synchronous_commit": "on",
            },
        )
        return cls(pool, command_timeout)

    async def results(self) -> dict[str, int]:
        """Read the number of votes of each option that has any."""
        rows = await self._fetch("select option, count from get_vote_results()")
        return {row["option"]: row["count"] for row in rows}

    async def ping(self) -> None:
        """Do nothing, in the database."""
        await self._fetch("select 1")

    async def increment(self, votes: Sequence[Counted]) -> set[str]:
        """Count votes, each vote id once for ever, in one statement that is committed when this returns.

        Returns:
            The stream ids of the votes that were counted now; the others had been counted before.
        """
        if not votes:
            return set()
        rows = await self._fetch("select increment_votes($1::uuid[], $2::text[], $3::text[]) as counted", *zip(*votes, strict=True))
        return set(rows[0]["counted"])

    async def close(self) -> None:
        """Close the connections: politely for half a second, then by force."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with self._pool.acquire(timeout=self._timeout) as connection:
            try:
                return await connection.fetch(statement, *values)
            except (TimeoutError, asyncio.CancelledError):
                # Without this the release waits for the server to confirm the cancel, and a frozen server never does.
                connection.terminate()
                raise
            except CONNECTION_GONE as gone:
                connection.terminate()
                raise ConnectionResetError(str(gone)) from gone
