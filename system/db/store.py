"""The database as the API and the consumer use it: two SQL functions, and a look into the ledger, behind a pool that connects on demand."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self, cast

import asyncpg

from system.errors import CONNECTION_GONE, SettingsInvalid, StoreUnfit

# Errors that a single row can cause: a value out of range, a violated constraint, an exception raised by a trigger.
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.PLPGSQLError)
# All other failures (catch REFUSED first): no connection, deadlock, serialization failure, read-only server, missing function.
UNAVAILABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)

# A server that cannot do the work now, or a broken connection: 08, 25 (read-only) and 57P (shutting down, starting, session ended).
WRONG_SERVER = (
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

FORBIDDEN = {
    "synchronous_commit": ("off", "a commit must be on disk before its entries are acknowledged"),
    "fsync": ("off", "a commit must be on disk before its entries are acknowledged"),
    "statement_timeout": ("0", "a statement must end by itself"),
    "lock_timeout": ("0", "waiting for a lock must end by itself"),
}
"""Settings that a promise rests on: the value that breaks it, and why. They are read back in the transaction that they are for."""
CHECK = "select " + ", ".join(f"current_setting('{name}') as {name}" for name in (*FORBIDDEN, "transaction_read_only"))
INCREMENT = f"{CHECK}, increment_votes($1::uuid[], $2::text[], $3::text[]) as counted"
RESULTS = f"{CHECK}, array_agg(option) as options, array_agg(count) as counts from get_vote_results()"
COUNTED = f"""
{CHECK}, array_agg(vote_id::text) as vote_ids, array_agg(option) as options, array_agg(date_trunc('second', counted_at)) as times
from vote_ledger where vote_id = any($1::uuid[])
"""

MAX_CONNECTIONS = 4
CLOSE_SECONDS = 0.5


class DatabaseUnfit(StoreUnfit, asyncpg.InterfaceError):
    """PostgreSQL responds, and a setting or its role makes it unsafe for votes."""


class LedgerRow(NamedTuple):
    """A vote to count: one row of the ledger."""

    vote_id: str
    option: str
    stream_id: str


class CountedVote(NamedTuple):
    """A vote of the ledger, and when it was counted, to the second."""

    option: str
    at: datetime


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


def _refuse_unfit(row: asyncpg.Record) -> None:
    for name, (value, reason) in FORBIDDEN.items():
        if row[name] == value:
            raise DatabaseUnfit(f"PostgreSQL: {name} is {value}: {reason}")


async def _open_primary(*arguments: Any, **named: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Open a connection to the first host of the URL that can be written to, else to any: the counts can still be read there."""
    try:
        return await open_connection(*arguments, **named, target_session_attrs="read-write")
    except asyncpg.TargetServerAttributeNotMatched:
        return await open_connection(*arguments, **named)


async def _keep_session(_connection: object) -> None:
    """Do not reset the session: nothing here changes it, and asyncpg's reset costs a round trip per statement."""


class Store:
    """The counted votes.

    Each call ends within about two command timeouts. It raises one of UNAVAILABLE, or one of REFUSED if the data is at fault.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", command_timeout: float) -> None:
        self._pool = pool
        self._timeout = command_timeout
        milliseconds = round(command_timeout * 1000)
        # In each transaction, because a pooler may ignore start-up parameters or run the next transaction in another session.
        self._begin = f"""
            begin;
            set local statement_timeout = {milliseconds};
            set local lock_timeout = {max(milliseconds // 2, 1)};
            set local idle_in_transaction_session_timeout = {milliseconds};
            set local synchronous_commit = on
        """

    @classmethod
    async def connect(cls, database_url: str, *, command_timeout: float) -> Self:
        """Create the store. It opens no connection, so the database may be down.

        Args:
            database_url: `postgresql://user:password@host:port/name`.
            command_timeout: limit in seconds for connecting, and again for a statement.
        """
        pool = await asyncpg.create_pool(
            database_url,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            connect=_open_primary,
            reset=_keep_session,
            timeout=command_timeout,
            command_timeout=command_timeout,
            statement_cache_size=0,  # a pooler may run each transaction in another session
        )
        return cls(pool, command_timeout)

    async def results(self) -> dict[str, int]:
        """Return the number of votes for each option that has any."""
        [row] = await self._fetch(RESULTS)
        if row["transaction_read_only"] == "on":
            await self._pool.expire_connections()  # still true, but perhaps not for long: the name may lead to a new primary
        return dict(zip(row["options"] or (), row["counts"] or (), strict=True))

    async def counted(self, vote_ids: Sequence[str]) -> dict[str, CountedVote]:
        """Return those of the votes that are counted, by id."""
        [row] = await self._fetch(COUNTED, vote_ids)
        found = zip(row["vote_ids"] or (), row["options"] or (), row["times"] or (), strict=True)
        return {vote_id: CountedVote(option, at) for vote_id, option, at in found}

    async def check(self) -> None:
        """Check that the database can be written to and that its settings keep what is promised.

        Raises:
            DatabaseUnfit: what is wrong, and what is needed.
        """
        [row] = await self._fetch(CHECK)
        if row["transaction_read_only"] == "on":
            await self._pool.expire_connections()
            raise DatabaseUnfit("PostgreSQL: transaction_read_only is on: the name must lead to the primary")

    async def increment(self, votes: Sequence[LedgerRow]) -> set[str]:
        """Count votes in one statement that is committed when this returns. Each vote id is ever counted only once.

        Returns:
            The stream ids of the votes counted now; the others were already counted.
        """
        if not votes:
            return set()
        [row] = await self._fetch(INCREMENT, *zip(*votes, strict=True))
        return set(row["counted"])

    async def close(self) -> None:
        """Close the connections gracefully within half a second, then by force."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Run one statement in a transaction of its own, with our settings, and commit it."""
        try:
            async with self._pool.acquire(timeout=self._timeout) as connection:
                try:
                    async with asyncio.timeout(self._timeout):
                        return await self._transaction(connection, statement, values)
                except (TimeoutError, asyncio.CancelledError):
                    # Otherwise the release waits for the server to confirm the cancellation, and a frozen server never does.
                    connection.terminate()
                    raise
                except CONNECTION_GONE as gone:
                    connection.terminate()
                    raise ConnectionResetError(str(gone)) from gone
        except WRONG_SERVER:
            await self._pool.expire_connections()  # a new connection resolves the name again
            raise

    async def _transaction(self, connection: Any, statement: str, values: Sequence[object]) -> list[asyncpg.Record]:
        await connection.execute(self._begin)
        try:
            rows = cast("list[asyncpg.Record]", await connection.fetch(statement, *values))
            _refuse_unfit(rows[0])
        except (asyncpg.PostgresError, DatabaseUnfit):
            if not connection.is_closed():
                await connection.execute("rollback")
            raise
        await connection.execute("commit")
        return rows
