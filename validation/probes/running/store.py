"""Read the PostgreSQL database: the counts of the votes and their ledger."""

from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
from anyio.from_thread import BlockingPortal

from validation.core import inputs
from validation.core.errors import NotProven, ProbeError
from validation.probes.running.database import connect, opened

SECONDS = 10.0
LONG_SECONDS = 60.0
"""Time-out for each chunk of a query over the whole ledger."""
CHUNK_ROWS = 5000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row of the ledger: the option, the id of the entry that was counted, and when (UTC)."""

    option: str
    stream_id: str
    counted_at: str


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

    def ledger_rows(self, vote_ids: Iterable[str]) -> dict[str, LedgerRow]:
        """Return the rows of those of the given votes that were counted, by vote id."""
        question = """select vote_id, option, stream_id, to_char(counted_at at time zone 'utc', 'HH24:MI:SS.MS') as at
            from vote_ledger where vote_id = any($1::uuid[])"""
        rows = self._fetch(question, list(vote_ids))
        return {str(row["vote_id"]): LedgerRow(str(row["option"]), str(row["stream_id"]), str(row["at"])) for row in rows}

    def whole_ledger(self) -> dict[str, str]:
        """Return every vote ever counted, as id → option. Only for a managed database."""
        return {str(row["vote_id"]): str(row["option"]) for row in self._fetch("select vote_id, option from vote_ledger")}

    def ledger_totals(self) -> Counter[str]:
        """Return the number of votes for each option in the ledger."""
        rows = self._fetch("select option, count(*) as n from vote_ledger group by option")
        return Counter({str(row["option"]): int(row["n"]) for row in rows})

    def ask(self, question: str) -> int:
        """Return the one number that a query selects."""
        inputs.note(inputs.shown(question))
        return int(self._fetch(question)[0][0])

    def session(self) -> Any:
        """Open a session that stays open, for `execute`, `fetch` and `close_session`."""
        return self._call(lambda: connect(self._url, SECONDS, SECONDS))

    def run(self, *statements: str) -> None:
        """Execute statements, one after the other, in a session that is closed then."""
        session = self.session()
        try:
            for statement in statements:
                self.execute(session, statement)
        finally:
            self.close_session(session)

    def execute(self, session: Any, statement: str) -> None:
        """Execute a statement in a session."""
        inputs.note(inputs.shown(statement))
        self._call(lambda: session.execute(statement))

    def fetch(self, session: Any, question: str) -> list[Any]:
        """Return the rows of a query in a session."""
        return self._call(lambda: session.fetch(question))

    def rows(self, question: str, *arguments: Any) -> Generator[Any]:
        """Yield the rows of a query from one snapshot of the database, in chunks."""
        session = self._call(lambda: connect(self._url, SECONDS, LONG_SECONDS))
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

    def stage_clock(self, schema: str) -> None:
        """Create a schema whose `get_vote_results()` counts the milliseconds of the server's clock at that moment."""
        now = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
        self._stage(schema, "table (option text, count bigint, updated_at timestamptz)", f"select 'cats', {now}, now()")

    def stage_nonsense(self, schema: str) -> None:
        """Create a schema whose `get_vote_results()` returns counts that are not numbers."""
        self._stage(schema, "table (option text, count text)", "select 'cats', 'a few'")

    def stage_refusal(self, schema: str) -> None:
        """Create a schema whose `increment_votes()` refuses every vote, for a consumer to be pointed at."""
        body = "begin raise exception 'this vote is refused' using errcode = 'check_violation'; end"
        named = f"{schema}.increment_votes(vote_ids uuid[], options text[], stream_ids text[])"
        function = f"create function {named} returns text[] language plpgsql as $$ {body} $$"
        inputs.note(inputs.shown(function))
        self._ask(lambda connection: connection.execute(f"create schema {schema}; {function}"))

    def drop(self, schema: str) -> None:
        """Remove a staged schema."""
        self._ask(lambda connection: connection.execute(f"drop schema if exists {schema} cascade"))

    def _stage(self, schema: str, returns: str, body: str) -> None:
        function = f"create or replace function {schema}.get_vote_results() returns {returns} language sql as $$ {body} $$"
        inputs.note(inputs.shown(function))
        self._ask(lambda connection: connection.execute(f"create schema if not exists {schema}; {function}"))

    def _fetch(self, query: str, *arguments: Any) -> list[Any]:
        return self._ask(lambda connection: connection.fetch(query, *arguments))

    def _ask(self, question: Callable[[Any], Awaitable[T]]) -> T:
        async def ask() -> T:
            async with opened(self._url, SECONDS) as connection:
                return await question(connection)

        return self._call(ask)

    def _call(self, what: Callable[[], Awaitable[T]]) -> T:
        try:
            return self._portal.call(what)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise ProbeError(f"Cannot read the database: {error or type(error).__name__}.", "PostgreSQL is down") from error
