"""A database of its own in a managed server, in which a migration can be cut off at one of its statements."""

from collections.abc import Callable
from contextlib import ExitStack

from anyio.from_thread import BlockingPortal

from validation.probes.running.own_databases import new_database
from validation.probes.running.store import StoreProbe

CATALOG = {
    "column": "select table_name || '.' || column_name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') || ' '"
    " || is_identity from information_schema.columns where table_schema = 'public'",
    "constraint": "select conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) from pg_constraint"
    " where connamespace = 'public'::regnamespace",
    "index": "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) || ' valid ' || indisvalid from pg_index"
    " join pg_class on pg_class.oid = indexrelid where relnamespace = 'public'::regnamespace",
    "function": "select oid::regprocedure::text, pg_get_functiondef(oid) || coalesce(obj_description(oid), '') from pg_proc"
    " where pronamespace = 'public'::regnamespace",
    "trigger": "select tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
}
"""Queries for name and definition of each kind of object."""
SETUP = """
create schema votecheck;
create sequence votecheck.statements;
create table votecheck.cut (at bigint);
insert into votecheck.cut values (0);
create function votecheck.cut_off() returns event_trigger language plpgsql as $$
begin
  if nextval('votecheck.statements') = (select at from votecheck.cut) then
    perform pg_terminate_backend(pg_backend_pid());
  end if;
end $$;
create event trigger votecheck_cut on ddl_command_end execute function votecheck.cut_off()
"""


class MigratedDatabase:
    """A database that this object creates, and drops on `close`.

    Args:
        url: URL of a managed database whose user may create others.
        portal: runs the asynchronous driver.
        migrate: migrates the database of a URL and returns exit code and output.
    """

    def __init__(self, url: str, portal: BlockingPortal, migrate: Callable[[str], tuple[int, str]]) -> None:
        self._owned, self._migrate = ExitStack(), migrate
        self.url = self._owned.enter_context(new_database(url, portal))
        self._store = StoreProbe(self.url, portal)
        self._store.run(SETUP)

    def close(self) -> None:
        """Drop the database."""
        self._owned.close()

    def migrate(self, cut_at: int = 0) -> tuple[int, str]:
        """Migrate, and end its session after this statement that defines something; 0: never. Return code and output."""
        self._store.run(f"update votecheck.cut set at = {int(cut_at)}; select setval('votecheck.statements', 1, false)")  # noqa: S608 - a number
        return self._migrate(self.url)

    def catalog(self) -> dict[str, str]:
        """Return the definition of every object, by kind and name."""
        return read_catalog(self._store)

    def count_votes(self, options: list[str]) -> None:
        """Count one vote for each of the options, as the consumer does."""
        session = self._store.session()
        try:
            for option in options:
                self._store.fetch(session, f"select increment_votes(array[gen_random_uuid()], array['{option}'], array['1-1'])")
        finally:
            self._store.close_session(session)

    def rows(self) -> list[str]:
        """Return every row of both tables as text, sorted."""
        questions = "select votes::text from votes", "select vote_ledger::text from vote_ledger"
        return sorted(str(row[0]) for question in questions for row in self._store.rows(question))


def read_catalog(store: StoreProbe) -> dict[str, str]:
    """Return the definition of every object in the schema `public` of a database, by kind and name."""
    session = store.session()
    try:
        found = {f"{kind} {row[0]}": str(row[1]) for kind, question in CATALOG.items() for row in store.fetch(session, question)}
    finally:
        store.close_session(session)
    return dict(sorted(found.items()))
