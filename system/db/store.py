"""The database as the API and the consumer use it: two SQL functions behind a pool that connects on demand."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, Self, cast

import asyncpg

from system.errors import CONNECTION_GONE, SettingsInvalid

# Errors that a single row can cause: a value out of range, a violated constraint, an exception raised by a trigger.
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.PLPGSQLError)
# All other failures (catch REFUSED first): no connection, deadlock, serialization failure, read-only server, missing function.
UNAVAILABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)

MAX_CONNECTIONS = 4
CLOSE_SECONDS = 0.5


class LedgerRow(NamedTuple):
    """A vote to count: one row of the ledger."""

    vote_id: str
    option: str
    stream_id: str


async def open_connection(*arguments: Any, **named: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Open a connection with the arguments of `asyncpg.connect`.

    Raises:
        SettingsInvalid: the URL cannot be parsed. asyncpg's own message may quote part of the password.
    """
    try:
        return cast("asyncpg.Connection[asyncpg.Record]", await asyncpg.connect(*arguments, **named))
    except OSError:
        raise  # an SSL error is both an OSError and a ValueError
    except ValueError:
        raise SettingsInvalid(
            "DATABASE_URL: cannot be parsed as a PostgreSQL URL; percent-encode special characters in the password"
        ) from None


async def _keep_session(_connection: object) -> None:
    """Do not reset the session: nothing here changes it, and asyncpg's reset costs a round trip per statement."""


class Store:
    """The counted votes.

    Each call ends within about two command timeouts. It raises one of UNAVAILABLE, or one of REFUSED if the data is at fault.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", command_timeout: float) -> None:
        self._pool = pool
        self._timeout = command_timeout

    @classmethod
    async def connect(cls, database_url: str, *, command_timeout: float) -> Self:
        """Create the store. It opens no connection, so the database may be down.

        Args:
            database_url: `postgresql://user:password@host:port/name`.
            command_timeout: limit in seconds for connecting, and again for a statement.
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
                # Entries are acknowledged after the commit, so the commit must be on disk, whatever the server's default.
                "synchronous_commit": "on",
            },
        )
        return cls(pool, command_timeout)

    async def results(self) -> dict[str, int]:
        """Return the number of votes for each option that has any."""
        rows = await self._fetch("select option, count from get_vote_results()")
        return {row["option"]: row["count"] for row in rows}

    async def ping(self) -> None:
        """Run a trivial query to check the connection."""
        await self._fetch("select 1")

    async def increment(self, votes: Sequence[LedgerRow]) -> set[str]:
        """Count votes in one statement that is committed when this returns. Each vote id is ever counted only once.

        Returns:
            The stream ids of the votes counted now; the others were already counted.
        """
        if not votes:
            return set()
        rows = await self._fetch("select increment_votes($1::uuid[], $2::text[], $3::text[]) as counted", *zip(*votes, strict=True))
        return set(rows[0]["counted"])

    async def close(self) -> None:
        """Close the connections gracefully within half a second, then by force."""
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
                # Otherwise the release waits for the server to confirm the cancellation, and a frozen server never does.
                connection.terminate()
                raise
            except CONNECTION_GONE as gone:
                connection.terminate()
                raise ConnectionResetError(str(gone)) from gone
