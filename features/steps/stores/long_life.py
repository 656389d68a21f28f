"""Steps about what grows with the age of the system."""

from collections.abc import Callable

from pytest_bdd import given, parsers, then, when

from features.support.long_life.life import LongLife, Work
from features.support.long_life.own_system import OwnSystem
from features.support.long_life.promises import ADDRESSES_REMEMBERED, EXPIRIES, LOSSES, MEMORY_MAX, PROMISES, STEADY, STREAM_KEYS, VISITS
from features.support.long_life.visitors import ODD_VISITS, Visitors
from validation.core.settings import RunSettings
from validation.core.waiting import consistently, eventually
from validation.record.observe import Observe
from validation.targets.ports import free_port

BATCH = 100
RATE_LIMIT = "1000000/hour"
ROUND = Work(entries=2000, votes=400)
VISITED = Work(entries=100, votes=20, watchers=40, clients=8 * len(ODD_VISITS))
LOST = Work(entries=100, votes=20, drops=3)
WARM_UP = Work(entries=2000, votes=ADDRESSES_REMEMBERED + 1000, watchers=40, clients=2 * len(ODD_VISITS), drops=3)
COST_GROWTH = 0.05
"""Share of the median by which the processor time of a round may grow with each round."""
ROWS_PER_STATEMENT = 4
RECEIPTS = 20
LEAVES_SECONDS, QUIET_SECONDS = 5.0, 2.5
"""A client that has left is noticed within the first; the results are read again after two seconds for those that have not."""


@given("a system of its own that has warmed up", target_fixture="life")
def warmed_up(long_lived: OwnSystem) -> LongLife:
    """Every kind of request was seen, each pool has opened what it opens, and the bounded caches are full."""
    consumer = long_lived.consumer(METRICS_PORT=str(free_port()), BATCH_SIZE=str(BATCH))
    api = long_lived.api(RATE_LIMIT=RATE_LIMIT, TRUSTED_PROXIES="127.0.0.1", CORS_ORIGINS="https://vote.example")
    life = LongLife(long_lived.keys, long_lived.stream, long_lived.store, api, consumer, Visitors(api.url))
    life.live(WARM_UP)
    return life


@when(parsers.parse("it lives through {votes:d} rounds of votes, {visits:d} of visits, and {losses:d} of lost connections"))
def lives(life: LongLife, votes: int, visits: int, losses: int, settings: RunSettings, measure: Callable[[str, float, str], None]) -> None:
    factor = settings.long_life * (0.5 if settings.quick else 1)
    for phase, count, each in ((STEADY, votes, ROUND), (VISITS, visits, VISITED), (LOSSES, losses, LOST)):
        for _ in range(count):
            life.live(each.times(factor))
            life.measure(phase)
    measure("a long life: votes", life.accepted, "votes")
    measure("a long life: clients that came and went", life.clients, "clients")


@then("nothing grows faster than documented")
def grows_as_documented(life: LongLife, measure: Callable[[str, float, str], None], observe: Observe) -> None:
    with observe.together():
        for promise in PROMISES:
            found, values = life.fitted(promise), life.points[promise.phase][promise.subject]
            measure(f"growth, {promise.phase}: {promise.subject}", found.slope, f"bytes or pieces for each of the {promise.work}")
            observe(
                f"growth of {promise.subject}, {promise.phase}",
                expected=f"at most {promise.limit:g} for each of the {promise.work}",
                observed=f"{found} for each",
                holds=not found.exceeds(promise.limit),
                evidence=values,
                remedy=promise.remedy,
            )
        for part, limit in MEMORY_MAX.items():
            most = max(max(points[f"{part}: memory"]) for points in life.points.values())
            observe(f"memory of the {part}", expected=f"at most {limit >> 20} MiB", observed=f"{most / 2**20:.0f} MiB", holds=most <= limit)


@then("the processor time for each round does not grow")
def cost_does_not_grow(life: LongLife, observe: Observe) -> None:
    with observe.together():
        for part in ("API", "consumer"):
            found = life.costs(part)
            observe(
                f"growth of the processor time of the {part} for a round of the same work",
                expected=f"at most {COST_GROWTH:g} a round",
                observed=str(found),
                holds=not found.exceeds(COST_GROWTH),
                evidence=life.points[STEADY][f"{part}: processor"],
                timed=True,
            )


@then("every key but the stream expires in its time")
def keys_expire(life: LongLife, observe: Observe) -> None:
    with observe.together():
        observe("keys without an expiry", expected=sorted(STREAM_KEYS), observed=sorted(life.kept))
        for kind, seconds in EXPIRIES.items():
            left = life.longest.get(kind, 0) / 1000
            observe(
                f"longest time of a key {kind}",
                expected=f"above 0 and at most {seconds} s",
                observed=f"{left:.0f} s",
                holds=0 < left <= seconds,
                remedy="system/api/stream.py and system/api/rate_limit.py",
            )
        observe("kinds of keys that expire", expected=sorted(EXPIRIES), observed=sorted(life.longest))


@then("every vote is counted, and no statement read more rows than it needed")
def rows_read(life: LongLife, long_lived: OwnSystem, observe: Observe) -> None:
    life.drop_sessions()  # a session reports what it read at the latest when it ends
    life.visitors.vote(1)
    read = life.rows_read()
    with observe.together():
        observe("rows of the ledger that were read", expected=0, observed=read.ledger, remedy="system/db/migrations: what counts a vote")
        observe(
            "rows read of the counts, for each transaction",
            expected=f"at most {ROWS_PER_STATEMENT}",
            observed=round(read.counts / max(read.transactions, 1), 2),
            holds=read.transactions > 0 and read.counts <= ROWS_PER_STATEMENT * read.transactions,
            remedy="system/db/migrations: get_vote_results",
        )
    long_lived.migrate(life.consumer)
    again = life.rows_read()
    counted = eventually(lambda: sum(life.store.ledger_totals().values()), lambda count: count == life.accepted, within=LEAVES_SECONDS)
    with observe.together():
        observe("file of the ledger after a second migration", expected=read.place, observed=again.place)
        observe("rows of the ledger read by a second migration", expected=0, observed=again.ledger)
        observe("votes in the ledger", expected=life.accepted, observed=counted.value, evidence=counted.story)


@then("receipts read the rows of their votes and no others")
def receipts_read_little(life: LongLife, observe: Observe) -> None:
    life.visitors.vote(RECEIPTS)
    life.stream.wait_until_drained(within=LEAVES_SECONDS)
    life.drop_sessions()
    before = life.rows_read()
    states = life.visitors.ask_for_receipts()
    life.drop_sessions()
    read = eventually(lambda: life.rows_read().ledger - before.ledger, bool, within=LEAVES_SECONDS).value
    with observe.together():
        observe("what became of the votes", expected=[b"counted"] * RECEIPTS, observed=states)
        observe(f"rows of the ledger read for {RECEIPTS} receipts, of {life.accepted} rows", expected=f"1 to {RECEIPTS}", observed=read,
                holds=1 <= read <= RECEIPTS, remedy="system/db/store.py: the ledger is looked up by its key")  # fmt: skip


@when("the last client has left")
def clients_left(life: LongLife) -> None:
    life.visitors.watch(2)
    eventually(life.settled, bool, within=LEAVES_SECONDS)


@then("the system is quiet: no log line and no statement")
def quiet(life: LongLife, observe: Observe) -> None:
    before = life.log_lines(), life.last_statements()
    after = consistently(lambda: (life.log_lines(), life.last_statements()), lambda now: now == before, during=QUIET_SECONDS, every=0.25)
    lines, statements = after.value
    with observe.together():
        observe("statements before that", expected="some", observed=len(before[1]), holds=bool(before[1]))
        observe("lines in the logs", expected=before[0], observed=lines, remedy="what is logged without an event")
        observe("sessions with a statement", expected=[], observed=[pid for pid, at in statements.items() if before[1].get(pid) != at])
