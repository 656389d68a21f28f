"""Steps that read the metrics of two consumers of one group, and what they measure about their batches."""

from collections.abc import Callable

from pytest_bdd import parsers, then, when

from features.support.consumers import STARTS_SECONDS, Running, metrics_of, observe_backlog
from features.support.streams import OwnStream
from validation.core.errors import NotProven
from validation.core.waiting import consistently, eventually
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.ports import free_port

WITHIN = 20.0
MOST_SECONDS = 60.0
"""Longer than a scenario takes, and shorter than the same time in milliseconds."""
HOLDERS = 3
BATCH, STATEMENT = "vote_batch_entries", "vote_statement_seconds"
BUCKETS = ("1.0", "10.0", "100.0", "+Inf")
REMEDY = "system/consumer/loop.py"


@then("another consumer of the group shows the same, and each holds a part of the pending entries", target_fixture="second")
def same_backlog(
    start_consumer: Callable[..., Running], running: Running, own: OwnStream, stream: StreamProbe, observe: Observe
) -> Running:
    second = start_consumer(**running.env | {"METRICS_PORT": str(free_port()), "BATCH_SIZE": "1"})  # some must be left
    second.child.wait_for_event("messages_received", within=STARTS_SECONDS)
    observe_backlog([running, second], own, stream, observe)
    holders = stream.holders(own.name, own.group)
    observe("consumers that hold entries", expected="the dead one and both", observed=holders, holds=len(holders) == HOLDERS)
    return second


@when("both consumers are killed")
def both_killed(running: Running, second: Running) -> None:
    """Kill them, because once their entries are claimed they would read new ones, and share the work that is measured next."""
    running.child.kill()
    second.child.kill()


@when(
    parsers.parse("a consumer with metrics is started on it while the database holds the ledger back for {seconds:g} seconds"),
    target_fixture="running",
)
def held_back(
    start_consumer: Callable[..., Running], own: OwnStream, store: StoreProbe, seconds: float, afterwards: Callable[..., None]
) -> Running:
    session = store.session()
    afterwards(lambda: store.close_session(session))
    store.execute(session, "begin")
    store.execute(session, "lock table vote_ledger in exclusive mode")
    running = start_consumer(**own.env, METRICS_PORT=str(free_port()))
    begun = running.child.wait_for_event("processing_vote", within=STARTS_SECONDS)
    consistently(lambda: None, lambda _: True, during=seconds)
    store.execute(session, "rollback")
    if not begun.held:
        raise NotProven(f"No statement began within {STARTS_SECONDS:.0f} s, so none was held back.")
    return running


@then(parsers.parse("its histograms have the batches of its log, and statements of at least {seconds:g} seconds"))
def batches_match(running: Running, seconds: float, observe: Observe) -> None:
    def both() -> tuple[dict[str, float], dict[str, float]]:
        batches = [int(event["count"]) for event in running.child.events() if event.get("event") == "messages_received"]
        statements = running.child.event_names().count("processing_vote")
        return _expected(batches, statements), metrics_of(running)

    seen = eventually(both, lambda pair: pair[0].items() <= pair[1].items() and pair[0][f"{BATCH}_count"] > 0, within=WITHIN)
    expected, shown = seen.value
    took = shown.get(f"{STATEMENT}_sum", -1.0)
    with observe.together():
        observe("batches", expected="some", observed=expected[f"{BATCH}_count"], holds=expected[f"{BATCH}_count"] > 0)
        observe("histograms of batches", expected=expected, observed={name: shown.get(name) for name in expected}, remedy=REMEDY)
        limits = f"{seconds:g} to {MOST_SECONDS:g}"
        observe("seconds of all statements", expected=limits, observed=took, holds=seconds <= took <= MOST_SECONDS, remedy=REMEDY)


def _expected(batches: list[int], statements: int) -> dict[str, float]:
    """Return what the histograms are for batches with so many entries, and so many of them that held a vote."""
    return {
        f"{BATCH}_count": float(len(batches)),
        f"{BATCH}_sum": float(sum(batches)),
        **{f'{BATCH}_bucket{{le="{limit}"}}': float(sum(size <= float(limit) for size in batches)) for limit in BUCKETS},
        f"{STATEMENT}_count": float(statements),
    }
