"""`python -m system.db.migrate`: upgrade the schema to the latest version. Safe to run repeatedly and concurrently.

Exit codes: 0 done, 1 the database is unavailable or rejects a statement, 2 invalid setting, 130 or 143 stopped by SIGINT or SIGTERM.
"""

from system.stopping import exit_on_signals

if __name__ == "__main__":
    exit_on_signals()

import asyncio
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from system.db.store import UNAVAILABLE, open_connection
from system.errors import SettingsInvalid
from system.output import make_safe
from system.settings import Settings

CONNECT_SECONDS = 5.0
WAIT_SECONDS = 60  # limit for another migration to finish, and for each statement
LIMITS = (f"set local statement_timeout = '{WAIT_SECONDS}s'", f"set local lock_timeout = '{WAIT_SECONDS}s'")
"""In the transaction itself, because a pooler may refuse or ignore start-up parameters."""
LOCK = 0x766F7465  # arbitrary advisory lock key, unique in this database


def main() -> None:
    """Migrate the database of `DATABASE_URL` and print its version, or print the error in one line."""
    make_safe()
    try:
        version = asyncio.run(migrate(Settings.read().database_url))
    except SettingsInvalid as invalid:
        sys.stderr.write(f"migrate: {invalid}\n")
        sys.exit(2)
    except (DBAPIError, *UNAVAILABLE) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        sys.stderr.write(f"migrate: DATABASE_URL: {first_line(cause)}\n")
        sys.exit(1)
    sys.stdout.write(f"migrate: the schema is at version {version}\n")


async def migrate(database_url: str) -> str:
    """Apply pending migrations in one transaction.

    Returns:
        The resulting schema version. A schema that is newer than this program is not changed.

    Raises:
        SettingsInvalid: the URL cannot be parsed.
    """

    async def connect() -> object:
        return await open_connection(
            database_url, timeout=CONNECT_SECONDS, command_timeout=WAIT_SECONDS + CONNECT_SECONDS, statement_cache_size=0
        )

    # asyncpg parses the URL, as in the store: SQLAlchemy would pass `?sslmode=` on as an unknown keyword argument.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> str:
    for setting in LIMITS:
        connection.execute(text(setting))
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts, current = ScriptDirectory.from_config(config), MigrationContext.configure(connection).get_current_revision()
    if current and current not in {script.revision for script in scripts.walk_revisions()}:
        # A rollback or a revert in Git runs an older program on a newer schema. Migrations keep older programs working.
        return f"{current}, which is newer than this program's {scripts.get_current_head()}: nothing to do"
    command.upgrade(config, "head")
    return MigrationContext.configure(connection).get_current_revision() or "none"


def first_line(error: BaseException | None) -> str:
    """Return the first line of an error, or a generic text for errors without one, such as timeouts."""
    return (str(error).splitlines() or [f"timed out ({type(error).__name__})"])[0]


if __name__ == "__main__":
    main()
