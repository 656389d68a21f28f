"""Observations about every vote that was sent: none lost, none counted for another option, none counted after a rejection."""

from collections.abc import Mapping

from validation.faults.reconciliation import Reconciliation
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe

LISTED = 10
"""Ids that an observation lists at most."""


def observe_reconciliation(votes: Reconciliation, observe: Observe) -> None:
    """Record that no vote is lost, counted for another option, or counted after a rejection."""
    observe("lost votes, by id", expected=(), observed=votes.lost[:LISTED], evidence=f"{len(votes.lost)} of {votes.ok}")
    observe("votes counted for another option, by id", expected=(), observed=votes.wrong[:LISTED])
    observe("rejected votes that were counted, by id", expected=(), observed=votes.never_accepted[:LISTED])


def observe_counts(store: StoreProbe, observe: Observe, remedy: str = "") -> None:
    """Record that the count of each option is its number of rows in the ledger."""
    counts, rows = store.counts(), store.ledger_totals()
    observe("counts, compared with the rows of the ledger", expected=dict(rows), observed=without_zeros(counts), remedy=remedy)


def without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of the options that have any votes; the ledger has no rows for the others."""
    return {option: count for option, count in counts.items() if count}
