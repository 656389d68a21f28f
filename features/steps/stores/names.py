"""Steps that reach Redis and the database by names: proxies whose connections can be closed, or lead elsewhere."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.api import probe_when_healthy
from features.support.consumers import Running
from features.support.parts import record_vote, vote_id
from validation.core.waiting import eventually
from validation.faults.proxy import pgwire
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import FaultProxy
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget

READONLY = b"-READONLY You can't write against a read only replica.\r\n"
READONLY_SQL = pgwire.refusal("25006", "cannot execute INSERT in a read-only transaction")
OK, ACCEPTED, READY_SECONDS = 200, 201, 5.0
SPARE = 8
"""API and consumer may each have up to four connections to a server at once, and open one when all others are in use."""
REMEDY = "system/redis_pool.py and system/db/store.py: drop what leads wrong or was closed, and connect again"


@dataclass
class Named:
    """An API and a consumer, the names by which they reach the servers, and the votes sent to this API."""

    api: HttpProbe
    consumer: Running
    redis: FaultProxy
    database: FaultProxy
    answers: list[Answer] = field(default_factory=list)
    votes: SentVotes = field(default_factory=SentVotes)


@pytest.fixture
def names(target: LaunchingTarget) -> Iterator[tuple[FaultProxy, FaultProxy]]:
    """The names of Redis and of the database."""
    for server in (target.redis, target.database):
        server.require_managed()
    proxies = proxy_to(target.redis.url, target.proxy_host), proxy_to(target.database.url, target.proxy_host)
    yield proxies
    for proxy in proxies:
        proxy.close()


@given("an API and a consumer that reach Redis and the database by their names", target_fixture="named")
def by_names(
    target: LaunchingTarget,
    names: tuple[FaultProxy, FaultProxy],
    start_api: Callable[..., Api],
    start_consumer: Callable[..., Running],
    sent_votes: SentVotes,
) -> Named:
    redis, database = names
    env = {"REDIS_URL": url_through(target.redis.url, redis), "DATABASE_URL": url_through(target.database.url, database)}
    consumer = start_consumer(**env, BLOCK_MS="100")
    named = Named(probe_when_healthy(start_api(**env)), consumer, redis, database)
    named.votes = sent_votes
    eventually(lambda: named.api.send("GET", "/ready").status, lambda status: status == OK, within=READY_SECONDS)
    cast(named)
    return named


def cast(named: Named) -> Answer:
    """Cast a vote with a key of its own, once."""
    key = named.votes.key()
    answer = named.api.vote("cats", key)
    record_vote(named.votes, key, "cats", answer)
    named.answers.append(answer)
    return answer


@when("every connection is closed 3 times, by FIN and by reset, and a vote is cast after each")
def close_all(named: Named) -> None:
    for _ in range(3):
        for close in (FaultProxy.close_connections, FaultProxy.reset):
            for proxy in (named.redis, named.database):
                close(proxy)
                eventually(lambda proxy=proxy: not proxy.open, bool, within=READY_SECONDS)  # type: ignore[misc]
            cast(named)
            named.answers.append(named.api.send("GET", "/ready"))


@then("each vote is accepted at its first try and counted once, and the API is ready at once")
def accepted_at_once(named: Named, store: StoreProbe, observe: Observe) -> None:
    statuses = [answer.status for answer in named.answers]
    closed = min(named.redis.counters.closed, named.database.counters.closed)
    with observe.together():
        observe("responses after each close: vote, /ready", expected=[ACCEPTED, *[ACCEPTED, OK] * 6], observed=statuses, remedy=REMEDY)
        observe("times that connections were closed", expected="at least 6", observed=closed, holds=closed >= 6)  # noqa: PLR2004
    _observe_counted(named, store, observe, READY_SECONDS)


@when("all open connections lead to read-only servers, and new ones lead to the primaries")
def demote(named: Named) -> None:
    named.redis.demote(READONLY)
    named.database.demote(READONLY_SQL)


@then("a vote is accepted within 2 tries, and the API is ready")
def follows(named: Named, observe: Observe) -> None:
    first, second = cast(named), cast(named)
    ready = eventually(lambda: named.api.send("GET", "/ready").status, lambda status: status == OK, within=READY_SECONDS)
    refused = named.redis.counters.answered
    with observe.together():
        observe("commands that a read-only Redis refused", expected="at least one", observed=refused, holds=refused > 0)
        observe("second vote", expected=ACCEPTED, observed=second.status, evidence=(first, second), remedy=REMEDY)
        observe("/ready", expected=OK, observed=ready.value, evidence=ready.story, remedy=REMEDY)


@then(parsers.parse("every vote is counted once within {seconds:d} seconds"))
def counted(named: Named, store: StoreProbe, observe: Observe, seconds: int) -> None:
    _observe_counted(named, store, observe, seconds)
    refused = named.database.counters.answered
    observe("statements that a read-only database refused", expected="at least one", observed=refused, holds=refused > 0)


@then(parsers.parse("{count:d} more votes are accepted and counted over the connections that are open"))
def over_open_connections(named: Named, store: StoreProbe, observe: Observe, count: int) -> None:
    proxies = {"Redis": named.redis, "the database": named.database}
    before = {name: proxy.counters.connections for name, proxy in proxies.items()}
    statuses = [cast(named).status for _ in range(count)]
    _observe_counted(named, store, observe, READY_SECONDS)
    with observe.together():
        observe("responses to the votes", expected=[ACCEPTED] * count, observed=statuses, remedy=REMEDY)
        for name, proxy in proxies.items():
            opened = proxy.counters.connections - before[name]
            observe(f"connections to {name} that were opened for them", expected=f"at most {SPARE}", observed=opened, holds=opened <= SPARE,
                    remedy=REMEDY)  # fmt: skip


def _observe_counted(named: Named, store: StoreProbe, observe: Observe, seconds: float) -> None:
    promised = [vote_id(answer) for answer in named.answers if answer.status == ACCEPTED]
    found = eventually(lambda: sorted(store.ledger(promised)), lambda ids: ids == sorted(promised), within=seconds)
    evidence = found.story + named.consumer.child.output()[-2000:]
    observe("accepted votes in the ledger", expected=sorted(promised), observed=found.value, evidence=evidence, remedy=REMEDY)
