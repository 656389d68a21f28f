"""`python -m system.db.reconcile`: rebuild the counts from the ledger, and report what was different.

Exit codes: 0 there was no difference, 1 there was one and it is repaired, 2 it could not be done.
"""

import asyncio
import sys
from typing import NamedTuple

from system.db.migrate import CONNECT_SECONDS, WAIT_SECONDS, first_line
from system.db.store import UNAVAILABLE, open_connection
from system.errors import SettingsInvalid
from system.settings import Settings

# Counting goes on elsewhere meanwhile: the locks, taken in the order in which `increment_votes` takes them, hold it up.
LOCK = "lock table vote_ledger, votes in share row exclusive mode"

COMPARE = """
  select option, coalesce(votes.count, 0) as counted, coalesce(ledger.count, 0) as ledger
  from votes full join (select option, count(*) from vote_ledger group by option) as ledger using (option)
  where coalesce(votes.count, 0) <> coalesce(ledger.count, 0) order by option
"""

REPAIR = """
  insert into votes (option, count) values ($1, $2)
  on conflict (option) do update set count = excluded.count, updated_at = now()
"""


class Difference(NamedTuple):
    """An option whose count was not the number of its votes in the ledger."""

    option: str
    counted: int
    ledger: int


def main() -> None:
    """Reconcile the database of `DATABASE_URL`, a line for each difference."""
    try:
        differences = asyncio.run(reconcile(Settings.read().database_url))
    except (SettingsInvalid, *UNAVAILABLE) as error:
        sys.stderr.write(f"reconcile: {first_line(error)}\n")
        sys.exit(2)
    for option, counted, ledger in differences:
        sys.stdout.write(f"reconcile: {option}: count was {counted}, the ledger has {ledger}; repaired\n")
    if differences:
        sys.exit(1)
    sys.stdout.write("reconcile: the counts equal the ledger\n")


async def reconcile(database_url: str) -> list[Difference]:
    """Set each count to the number of votes in the ledger, in one transaction.

    Returns:
        What was different before.
    """
    limits = {"statement_timeout": f"{WAIT_SECONDS}s", "lock_timeout": f"{CONNECT_SECONDS:.0f}s"}
    connection = await open_connection(
        database_url, timeout=CONNECT_SECONDS, command_timeout=WAIT_SECONDS + CONNECT_SECONDS, server_settings=limits
    )
    try:
        async with connection.transaction():
            await connection.execute(LOCK)
            differences = [Difference(*row) for row in await connection.fetch(COMPARE)]
            await connection.executemany(REPAIR, [(found.option, found.ledger) for found in differences])
            return differences
    finally:
        await connection.close(timeout=1)


if __name__ == "__main__":
    main()
