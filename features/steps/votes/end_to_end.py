"""Steps that follow votes from the voter to the results."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_bdd import given, parsers, then, when

from features.support.parts import record_vote
from features.support.reconciliation import observe_counts, observe_reconciliation
from validation.core import protocol
from validation.core.waiting import eventually
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.base import Target

SETTLED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Followed:
    """Votes, and when each appeared in the results.

    Attributes:
        refused: statuses other than 201.
        seconds: from each vote to the first results that showed it; None if it never appeared.
    """

    refused: tuple[int, ...]
    seconds: tuple[float | None, ...]

    @property
    def seen(self) -> list[float]:
        """The times of the votes that appeared, in seconds, shortest first."""
        return sorted(s for s in self.seconds if s is not None)


@given("a running consumer for the voters")
def consumer_for_voters(system: Target) -> None:
    system.ensure_consumer()


@when(parsers.re(r"(?P<count>\d+) voters vote, one after another"), target_fixture="followed")
def voters_vote(count: str, http: HttpProbe, stream: StreamProbe, store: StoreProbe, sent_votes: SentVotes) -> Followed:
    number = int(count)
    stream.wait_until_drained(within=SETTLED_SECONDS)
    before = store.counts().total()
    eventually(lambda: _total(http), lambda total: total == before, within=SETTLED_SECONDS)
    readings: list[tuple[float, int]] = []

    def read() -> int:
        total = _total(http)
        readings.append((time.monotonic(), total))
        return total

    with ThreadPoolExecutor(1) as pool:
        within = protocol.VOTE_TO_RESULT_SECONDS + SETTLED_SECONDS
        watching = pool.submit(eventually, read, lambda total: total >= before + number, within=within)
        cast = [_vote(http, sent_votes, protocol.OPTIONS[i % 3 == 0]) for i in range(number)]
        watching.result()
    refused = tuple(status for _, status in cast if status != 201)  # noqa: PLR2004
    accepted = [at for at, status in cast if status == 201]  # noqa: PLR2004
    return Followed(refused, tuple(_seconds_until(at, before + place, readings) for place, at in enumerate(accepted, 1)))


@then("each vote is in the results within 10 seconds")
def each_is_seen(followed: Followed, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    with observe.together():
        observe("responses other than 201", expected=(), observed=followed.refused)
        observe("votes that never appeared in the results", expected=0, observed=followed.seconds.count(None))
    seen = followed.seen
    for name, value in (("p50", statistics.median(seen)), ("p95", seen[int(len(seen) * 0.95) - 1]), ("max", seen[-1])):
        measure(f"vote to result, {name}", value, "s")
    limit, longest, summary = protocol.VOTE_TO_RESULT_SECONDS, seen[-1], f"{len(seen)} votes; p50 {statistics.median(seen):.2f} s"
    observe(
        "longest time from vote to result",
        expected=f"at most {limit} s",
        observed=f"{longest:.2f} s",
        holds=longest <= limit,
        evidence=summary,
    )


@then("every accepted vote of this run is in the ledger once, for its own option")
def ledger_matches(sent_votes: SentVotes, store: StoreProbe, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    waited = eventually(
        lambda: sent_votes.reconcile(store.ledger(sent_votes.accepted())), lambda votes: votes.consistent, within=SETTLED_SECONDS
    )
    votes = waited.value
    measure("votes accepted in this run", votes.ok, "votes")
    with observe.together():
        observe("accepted votes", expected="at least 100", observed=votes.ok, holds=votes.ok >= 100)  # noqa: PLR2004
        observe_reconciliation(votes, observe)


@then("the counts are the sums of the ledger")
def counts_are_sums(store: StoreProbe, observe: Observe) -> None:
    eventually(lambda: (store.counts(), store.ledger_totals()), lambda pair: pair[0] == pair[1], within=2.0)
    observe_counts(store, observe, "python -m system.db.reconcile")


@then("nothing is pending in the voters' stream")
def nothing_pending(stream: StreamProbe, observe: Observe) -> None:
    drained = stream.wait_until_drained(within=SETTLED_SECONDS)
    group = drained.value
    with observe.together():
        observe("pending entries", expected=0, observed=group.pending if group else "no group", evidence=drained.story)
        observe("lag", expected=0, observed=group.lag if group else "no group", evidence=drained.story)


def _total(http: HttpProbe) -> int:
    body = http.send("GET", "/api/results").json() or {}
    return int(body.get("total_votes", -1))


def _vote(http: HttpProbe, sent_votes: SentVotes, option: str) -> tuple[float, int]:
    key, at = sent_votes.key(), time.monotonic()
    answer = http.vote(option, key)
    record_vote(sent_votes, key, option, answer)
    return at, answer.status


def _seconds_until(at: float, total: int, readings: list[tuple[float, int]]) -> float | None:
    return next((when - at for when, shown in readings if when >= at and shown >= total), None)
