"""Observations about every vote that was sent: none lost, none counted for another option, none counted after a rejection.

A vote that is wrong is observed with the hop at which it was last seen.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from validation.faults.reconciliation import Reconciliation
from validation.hops.sightings import TracedVote
from validation.hops.sums import different_counts
from validation.hops.tracer import Tracer, evidence, lines
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe

ToTrace = Callable[[Iterable[str]], Iterable[TracedVote]]
"""Returns votes for a tracer, by their ids."""


def observe_reconciliation(votes: Reconciliation, to_trace: ToTrace, tracer: Tracer, observe: Observe) -> None:
    """Record that no vote is lost, counted for another option, or counted after a rejection."""
    lost = f"{len(votes.lost)} of {votes.ok}"
    observe_no_votes("lost votes, by id", votes.lost, to_trace, tracer, observe, more=lost)
    observe_no_votes("votes counted for another option, by id", votes.wrong, to_trace, tracer, observe)
    observe_no_votes("rejected votes that were counted, by id", votes.never_accepted, to_trace, tracer, observe)


def observe_no_votes(  # noqa: PLR0913 - which votes, who looks for them, and what else is known
    subject: str, wrong: Sequence[str], to_trace: ToTrace, tracer: Tracer, observe: Observe, *, more: str = ""
) -> None:
    """Record that there are no such votes; with each of the first that there are, the hop at which it was last seen."""
    traces = tracer.find(to_trace(wrong))
    told = "\n".join(filter(None, [more, evidence(traces, len(wrong)) if wrong else ""]))
    observe(subject, expected=(), observed=lines(traces), holds=not wrong, evidence=told)


def observe_counts(store: StoreProbe, observe: Observe, remedy: str = "") -> None:
    """Record that the count of each option is its number of rows in the ledger."""
    counts, rows = without_zeros(store.counts()), dict(store.ledger_totals())
    wrong = different_counts(counts, rows)
    observe("counts, compared with the rows of the ledger", expected=rows, observed=wrong or counts, remedy=remedy)


def without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of the options that have any votes; the ledger has no rows for the others."""
    return {option: count for option, count in counts.items() if count}
