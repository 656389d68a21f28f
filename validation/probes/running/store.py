"""Read the PostgreSQL database: the counts of the votes and their ledger."""

from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from typing import Any, TypeVar

import asyncpg
from anyio.from_thread import BlockingPortal

from validation.core.errors import NotProven, ProbeError

SECONDS = 10.0
LONG_SECONDS = 60.0
"""Time-out for each chunk of a query over the whole ledger."""
CHUNK_ROWS = 5000
T = TypeVar("T")


class StoreProbe:
    """A reader of the votes and their ledger.

    Args:
        url: URL of the database; empty if none was given.
        portal: runs the asynchronous driver for synchronous steps.

    Raises:
        NotProven: no URL was given.
        ProbeError: from every method, if the database does not answer or lacks the tables.
    """

    def __init__(self, url: str, portal: BlockingPortal) -> None:
        if not url:
            raise NotProven("The database cannot be read: no --database-url was given.")
        self._url, self._portal = url, portal

    def counts(self) -> Counter[str]:
        """Return the count of each option."""
        rows = self._fetch("select option, count from votes")
        return Counter({str(row["option"]): int(row["count"]) for row in rows})

    def ledger(self, vote_ids: Iterable[str]) -> dict[str, str]:
        """Return those of the given votes that were counted, as id → option."""
        rows = self._fetch("select vote_id, option from vote_ledger where vote_id = any($1::uuid[])", list(vote_ids))
        return {str(row["vote_id"]): str(row["option"]) for row in rows}

    def whole_ledger(self) -> dict[str, str]:
        """Return every vote ever counted, as id → option. Only for a managed database."""
        return {str(row["vote_id"]): str(row["option"]) for row in self._fetch("select vote_id, option from vote_ledger")}

    def ledger_totals(self) -> Counter[str]:
        """Return the number of votes for each option in the ledger."""
        rows = self._fetch("select option, count(*) as n from vote_ledger group by option")
        return Counter({str(row["option"]): int(row["n"]) for row in rows})

    def ask(self, question: str) -> int:
        """Return the one number that a query selects."""
        return int(self._fetch(question)[0][0])

    def session(self) -> Any:
        """Open a session that stays open, for `execute`, `fetch` and `close_session`."""
        return self._call(lambda: asyncpg.connect(self._url, timeout=SECONDS, command_timeout=SECONDS))

    def execute(self, session: Any, statement: str) -> None:
        """Execute a statement in a session."""
        self._call(lambda: session.execute(statement))

    def fetch(self, session: Any, question: str) -> list[Any]:
        """Return the rows of a query in a session."""
        return self._call(lambda: session.fetch(question))

    def rows(self, question: str, *arguments: Any) -> Generator[Any]:
        """Yield the rows of a query from one snapshot of the database, in chunks."""
        session = self._call(lambda: asyncpg.connect(self._url, timeout=SECONDS, command_timeout=LONG_SECONDS))
        try:
            self.execute(session, "begin read only")
            cursor = self._call(lambda: session.cursor(question, *arguments))
            while chunk := self._call(lambda: cursor.fetch(CHUNK_ROWS)):
                yield from chunk
        finally:
            self.close_session(session)

    def close_session(self, session: Any) -> None:
        """Close a session."""
        self._call(lambda: session.close(timeout=SECONDS))

    def stage_results(self, schema: str, results: Mapping[str, int]) -> None:
        """Create a schema whose `get_vote_results()` returns these counts, for an API to be pointed at."""
        rows = " union all ".join(f"select '{option}', {int(count)}::bigint, now()" for option, count in results.items())
        none = "select null::text, null::bigint, null::timestamptz where false"
        self._stage(schema, "table (option text, count bigint, updated_at timestamptz)", rows or none)

    def stage_nonsense(self, schema: str) -> None:
        """Create a schema whose `get_vote_results()` returns counts that are not numbers."""
        self._stage(schema, "table (option text, count text)", "select 'cats', 'a few'")

    def stage_refusal(self, schema: str) -> None:
        """Create a schema whose `increment_votes()` refuses every vote, for a consumer to be pointed at."""
        body = "begin raise exception 'this vote is refused' using errcode = 'check_violation'; end"
        named = f"{schema}.increment_votes(vote_ids uuid[], options text[], stream_ids text[])"
        function = f"create function {named} returns text[] language plpgsql as $$ {body} $$"
        self._ask(lambda connection: connection.execute(f"create schema {schema}; {function}"))

    def drop(self, schema: str) -> None:
        """Remove a staged schema."""
        self._ask(lambda connection: connection.execute(f"drop schema if exists {schema} cascade"))

    def _stage(self, schema: str, returns: str, body: str) -> None:
        function = f"create function {schema}.get_vote_results() returns {returns} language sql as $$ {body} $$"
        self._ask(lambda connection: connection.execute(f"create schema {schema}; {function}"))

    def _fetch(self, query: str, *arguments: Any) -> list[Any]:
        return self._ask(lambda connection: connection.fetch(query, *arguments))

    def _ask(self, question: Callable[[Any], Awaitable[T]]) -> T:
        async def ask() -> T:
            connection = await asyncpg.connect(self._url, timeout=SECONDS, command_timeout=SECONDS)
            try:
                return await question(connection)
            finally:
                await connection.close(timeout=SECONDS)

        return self._call(ask)

    def _call(self, what: Callable[[], Awaitable[T]]) -> T:
        try:
            return self._portal.call(what)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise ProbeError(f"Cannot read the database: {error or type(error).__name__}.", "PostgreSQL is down") from error
