"""Steps that follow votes from the voter to the results."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_bdd import given, parsers, then, when

from features.support.parts import record_vote
from features.support.reconciliation import observe_counts, observe_reconciliation, without_zeros
from validation.core import protocol
from validation.core.waiting import eventually
from validation.faults.reconciliation import SentVotes
from validation.hops.tracer import Tracer
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.base import Target
from validation.targets.launching import LaunchingTarget

SETTLED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Followed:
    """Votes, and when each appeared in the results.

    Attributes:
        refused: statuses other than 201.
        seconds: from each vote to the first results that counted it for its option; None if it never appeared.
        vote_ids: the ids of the accepted votes.
    """

    refused: tuple[int, ...]
    seconds: tuple[float | None, ...]
    vote_ids: tuple[str, ...]

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
    # Other systems of this run may have counted votes for options that this API does not show.
    before = Counter({option: count for option, count in store.counts().items() if option in protocol.OPTIONS})
    known = set(sent_votes.accepted())
    eventually(lambda: _shown(http), lambda shown: shown == without_zeros(before), within=SETTLED_SECONDS)
    readings: list[tuple[float, Mapping[str, int]]] = []

    def read() -> int:
        shown = _shown(http)
        readings.append((time.monotonic(), shown))
        return sum(shown.values())

    with ThreadPoolExecutor(1) as pool:
        within = protocol.VOTE_TO_RESULT_SECONDS + SETTLED_SECONDS
        watching = pool.submit(eventually, read, lambda total: total >= before.total() + number, within=within)
        cast = [_vote(http, sent_votes, protocol.OPTIONS[i % 3 == 0]) for i in range(number)]
        watching.result()
    refused = tuple(status for _, _, status in cast if status != 201)  # noqa: PLR2004
    shown_at, due = list[float | None](), Counter(before)
    for at, option, status in cast:
        if status == 201:  # noqa: PLR2004
            due[option] += 1
            shown_at.append(_seconds_until(at, option, due[option], readings))
    return Followed(refused, tuple(shown_at), tuple(vote for vote in sent_votes.accepted() if vote not in known))


@then("each vote is in the results within 10 seconds")
def each_is_seen(
    followed: Followed,
    sent_votes: SentVotes,
    store: StoreProbe,
    tracer: Tracer,
    measure: Callable[[str, float, str], None],
    observe: Observe,
) -> None:
    with observe.together():
        observe("responses other than 201", expected=(), observed=followed.refused)
        observe("votes that never appeared in the results", expected=0, observed=followed.seconds.count(None))
        if None in followed.seconds:  # results are sums, so the vote that is missing there is not always one that is missing elsewhere
            observe_reconciliation(sent_votes.reconcile(store.ledger(sent_votes.accepted())), sent_votes.to_trace, tracer, observe)
            observe_counts(store, observe, "python -m system.db.reconcile")
    seen = followed.seen
    for name, value in (("p50", statistics.median(seen)), ("p95", seen[int(len(seen) * 0.95) - 1]), ("max", seen[-1])):
        measure(f"vote to result, {name}", value, "s")
    limit, longest, summary = protocol.VOTE_TO_RESULT_SECONDS, seen[-1], f"{len(seen)} votes; p50 {statistics.median(seen):.2f} s"
    observe(
        "longest time from vote to result",
        expected=f"at most {limit} s",
        observed=f"{longest:.2f} s",
        holds=longest <= limit,
        timed=True,
        evidence=summary,
    )


@then("every accepted vote of this run is in the ledger once, for its own option")
def ledger_matches(
    sent_votes: SentVotes, store: StoreProbe, tracer: Tracer, measure: Callable[[str, float, str], None], observe: Observe
) -> None:
    waited = eventually(
        lambda: sent_votes.reconcile(store.ledger(sent_votes.accepted())), lambda votes: votes.consistent, within=SETTLED_SECONDS
    )
    votes = waited.value
    measure("votes accepted in this run", votes.ok, "votes")
    with observe.together():
        observe("accepted votes", expected="at least 100", observed=votes.ok, holds=votes.ok >= 100)  # noqa: PLR2004
        observe_reconciliation(votes, sent_votes.to_trace, tracer, observe)


@then("neither log names one of these votes")
def not_named(followed: Followed, target: LaunchingTarget, stream: StreamProbe, observe: Observe) -> None:
    stream.wait_until_drained(within=SETTLED_SECONDS)
    with observe.together():
        observe("accepted votes", expected="some", observed=len(followed.vote_ids), holds=bool(followed.vote_ids))
        for part, child in (("API", target.api.process), ("consumer", target.consumer)):
            lines = child.output().splitlines()
            naming = [line for line in lines if any(vote in line for vote in followed.vote_ids)]
            observe(f"lines of the log of the {part}", expected="some", observed=len(lines), holds=bool(lines))
            observe(f"lines of the log of the {part} with the id of a vote", expected=[], observed=naming[:3])


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


def _shown(http: HttpProbe) -> dict[str, int]:
    """Return the counts in the results, without the options that have no votes."""
    body = http.send("GET", "/api/results").json() or {}
    return without_zeros({row["option"]: row["count"] for row in body.get("results", [])})


def _vote(http: HttpProbe, sent_votes: SentVotes, option: str) -> tuple[float, str, int]:
    key, at = sent_votes.key(), time.monotonic()
    answer = http.vote(option, key)
    record_vote(sent_votes, key, option, answer)
    return at, option, answer.status


def _seconds_until(at: float, option: str, count: int, readings: list[tuple[float, Mapping[str, int]]]) -> float | None:
    return next((when - at for when, shown in readings if when >= at and shown.get(option, 0) >= count), None)
