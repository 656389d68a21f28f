"""`python -m system.db.reconcile`: rebuild the counts from the ledger and report the differences.

Exit codes: 0 no differences, 1 differences found and repaired, 2 failed, 130 or 143 stopped by SIGINT or SIGTERM.
"""

from system.stopping import exit_on_signals

if __name__ == "__main__":
    exit_on_signals()

import asyncio
import sys
from typing import NamedTuple

from system.db.migrate import CONNECT_SECONDS, WAIT_SECONDS, first_line
from system.db.store import UNAVAILABLE, open_connection
from system.errors import SettingsInvalid
from system.output import make_safe
from system.settings import Settings

# These locks pause counting by consumers meanwhile. `increment_votes` takes them in the same order.
LOCK = "lock table vote_ledger, votes in share row exclusive mode"

LIMITS = f"set local statement_timeout = '{WAIT_SECONDS}s'; set local lock_timeout = '{CONNECT_SECONDS:.0f}s'"

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
    """An option whose count differed from its number of votes in the ledger."""

    option: str
    counted: int
    ledger: int


def main() -> None:
    """Reconcile the database of `DATABASE_URL` and print a line per difference. Python's own exit code 1 would mean differences."""
    make_safe()
    try:
        differences = asyncio.run(reconcile(Settings.read().database_url))
    except (SettingsInvalid, *UNAVAILABLE) as error:
        sys.stderr.write(f"reconcile: {first_line(error)}\n")
        sys.exit(2)
    except Exception as error:  # noqa: BLE001 - see above
        sys.stderr.write(f"reconcile: {type(error).__name__}: {first_line(error)}\n")
        sys.exit(2)
    for option, counted, ledger in differences:
        sys.stdout.write(f"reconcile: {option}: repaired, count was {counted} but the ledger has {ledger}\n")
    if differences:
        sys.exit(1)
    sys.stdout.write("reconcile: the counts match the ledger\n")


async def reconcile(database_url: str) -> list[Difference]:
    """Set each count to the number of votes in the ledger, in one transaction.

    Returns:
        The differences that existed before.
    """
    connection = await open_connection(
        database_url, timeout=CONNECT_SECONDS, command_timeout=WAIT_SECONDS + CONNECT_SECONDS, statement_cache_size=0
    )
    try:
        async with connection.transaction():
            await connection.execute(LIMITS)
            await connection.execute(LOCK)
            differences = [Difference(*row) for row in await connection.fetch(COMPARE)]
            await connection.executemany(REPAIR, [(found.option, found.ledger) for found in differences])
            return differences
    finally:
        await connection.close(timeout=1)


if __name__ == "__main__":
    main()
