"""`python -m system.db.migrate`: bring the schema to the newest version. Safe to run twice, and by two at once.

Exit codes: 0 done, 1 the database cannot be reached or refuses, 2 a setting cannot be used.
"""

import asyncio
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from system.db.store import UNAVAILABLE, open_connection
from system.errors import SettingsInvalid
from system.settings import Settings

CONNECT_SECONDS = 5.0
WAIT_SECONDS = 60  # for another migration to end, and for one statement of ours
LOCK = 0x766F7465  # any number that nothing else in this database locks


def main() -> None:
    """Migrate the database of `DATABASE_URL` and say its version, or say in one line why not."""
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
    """Run the migrations that are missing, in one transaction.

    Returns:
        The version that the schema is at now.

    Raises:
        SettingsInvalid: the URL cannot be read.
    """

    async def connect() -> object:
        limits = {"statement_timeout": f"{WAIT_SECONDS}s", "lock_timeout": f"{WAIT_SECONDS}s"}
        return await open_connection(
            database_url, timeout=CONNECT_SECONDS, command_timeout=WAIT_SECONDS + CONNECT_SECONDS, server_settings=limits
        )

    # The URL is read by asyncpg, as the store does it: SQLAlchemy would pass `?sslmode=` on as a keyword that nobody knows.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> str:
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return MigrationContext.configure(connection).get_current_revision() or "none"


def first_line(error: BaseException | None) -> str:
    """Say an error in one line; a time-out has no text of its own."""
    return (str(error).splitlines() or [f"no answer in time ({type(error).__name__})"])[0]


if __name__ == "__main__":
    main()
