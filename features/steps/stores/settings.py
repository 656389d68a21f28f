"""Steps about settings that a promise rests on, and about servers and poolers that do not keep them."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.support.api import probe_when_healthy, requests_counted
from features.support.consumers import Running
from features.support.parts import record_vote
from features.support.streams import OwnStream
from validation.core.errors import HarnessError
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import pooler_to, proxy_to, url_through
from validation.probes.running.http import HttpProbe
from validation.probes.running.redis_server import RedisServer
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.local import servers
from validation.targets.ports import free_port

OK, ACCEPTED, UNAVAILABLE, WITHIN_SECONDS = 200, 201, 503, 10.0
BATCH = 5
REMEDY = "system/redis_pool.py: the settings are read back on each new connection and by /ready"


@given(parsers.re(r"a Redis with (?P<setting>\S+) (?P<value>\S+)"), target_fixture="corrected")
def redis_with(
    target: LaunchingTarget, stream: StreamProbe, setting: str, value: str, afterwards: Callable[..., None]
) -> Callable[[], None]:
    target.redis.require_managed()
    before = stream.settings(setting)[setting]

    def correct() -> None:
        stream.configure(setting, before)

    afterwards(correct)
    stream.configure(setting, value)
    return correct


@then(parsers.re(r"the API refuses votes and is not ready, and names (?P<found>\S+)"))
def refuses(http: HttpProbe, stream: StreamProbe, found: str, observe: Observe) -> None:
    newest = stream.last_id("votes")
    ready = http.send("GET", "/ready")
    before = requests_counted(http, "/api/vote").get(str(UNAVAILABLE), 0)
    vote = http.vote("cats")
    counted = requests_counted(http, "/api/vote").get(str(UNAVAILABLE), 0) - before
    unfit = str((ready.json() or {}).get("unfit"))
    with observe.together():
        observe("/ready", expected=UNAVAILABLE, observed=ready.status, evidence=ready, remedy=REMEDY)
        observe("what /ready says", expected=f"names {found}", observed=unfit, holds=found in unfit, evidence=ready)
        observe("a vote", expected=UNAVAILABLE, observed=vote.status, evidence=vote, remedy=REMEDY)
        observe("votes that its metrics count as refused with 503", expected=1, observed=counted, remedy="system/api/request_log.py")
        observe("the newest entry of the stream afterwards", expected=newest, observed=stream.last_id("votes"))


@when("the setting is corrected")
def setting_corrected(corrected: Callable[[], None]) -> None:
    corrected()


@then("the API accepts votes and is ready")
def accepts(http: HttpProbe, sent_votes: Any, observe: Observe) -> None:
    ready = eventually(lambda: http.send("GET", "/ready").status, lambda status: status == OK, within=WITHIN_SECONDS)
    key = sent_votes.key()
    vote = http.vote("cats", key)
    record_vote(sent_votes, key, "cats", vote)
    with observe.together():
        observe("/ready", expected=OK, observed=ready.value, evidence=ready.story)
        observe("a vote", expected=ACCEPTED, observed=vote.status, evidence=vote)


@given("a Redis Cluster of one node", target_fixture="cluster_url")
def cluster(tmp_path: Path, target: LaunchingTarget, afterwards: Callable[..., None]) -> str:
    target.redis.require_managed()
    port = free_port()
    child = servers.valkey(tmp_path, port, ["cluster-enabled=yes", f"cluster-port={free_port()}"])
    afterwards(child.stop)
    child.start()
    eventually(lambda: "ready to accept connections" in child.output().lower(), bool, within=WITHIN_SECONDS)
    url = f"redis://127.0.0.1:{port}/0"
    with RedisServer(url) as server:
        server.take_all_slots()
        if not eventually(server.is_working_cluster, bool, within=WITHIN_SECONDS).held:
            raise HarnessError("The Redis Cluster of one node does not accept commands.")
    proxy = proxy_to(url, target.proxy_host)
    afterwards(proxy.close)
    return url_through(url, proxy)


@when("an API and a consumer are started on it", target_fixture="on_cluster")
def start_on_cluster(cluster_url: str, start_api: Callable[..., Api], start_consumer: Callable[..., Running]) -> tuple[Api, Running]:
    return start_api(REDIS_URL=cluster_url), start_consumer(REDIS_URL=cluster_url)


@then("both name Redis Cluster, and the API is not ready")
def names_cluster(on_cluster: tuple[Api, Running], observe: Observe) -> None:
    api, consumer = on_cluster
    ready = probe_when_healthy(api).send("GET", "/ready")
    log = eventually(consumer.child.output, lambda text: "Redis Cluster is not supported" in text, within=WITHIN_SECONDS)
    unfit = str((ready.json() or {}).get("unfit"))
    with observe.together():
        observe("/ready", expected=UNAVAILABLE, observed=ready.status, evidence=ready, remedy=REMEDY)
        observe("what /ready says", expected="names Redis Cluster", observed=unfit, holds="Redis Cluster" in unfit, evidence=ready)
        observe("the log of the consumer names Redis Cluster", expected=True, observed=log.held, evidence=consumer.child.output())


@then("no vote is accepted, with or without a key")
def no_vote(on_cluster: tuple[Api, Running], observe: Observe) -> None:
    probe = HttpProbe(on_cluster[0].url)
    observe(
        "votes on a cluster",
        expected=[UNAVAILABLE] * 2,
        observed=[probe.vote("cats").status, probe.vote("cats", secrets.token_hex(8)).status],
    )


@given("a database whose sessions commit asynchronously unless told otherwise", target_fixture="witness_table")
def asynchronous(target: LaunchingTarget, store: StoreProbe, afterwards: Callable[..., None]) -> str:
    """Make it so, and let the ledger write down which settings each statement finds in force."""
    target.database.require_managed()
    name = f"votecheck_seen_{secrets.token_hex(4)}"
    session = store.session()

    def undo() -> None:
        store.execute(session, f"drop function {name} cascade; drop table {name}")
        store.execute(session, "alter system reset synchronous_commit")
        store.execute(session, "select pg_reload_conf()")
        store.close_session(session)

    settings = ", ".join(f"current_setting('{name}')" for name in ("synchronous_commit", "statement_timeout", "lock_timeout"))
    store.execute(session, f"create table {name} (committed text, statement text, lock text, votes bigint)")
    see = f"begin insert into {name} select {settings}, count(*) from added; return null; end"  # noqa: S608 - our own name
    store.execute(session, f"create function {name}() returns trigger language plpgsql as $$ {see} $$")
    on = "after insert on vote_ledger referencing new table as added for each statement"
    store.execute(session, f"create trigger {name} {on} execute function {name}()")
    afterwards(undo)
    store.execute(session, "alter system set synchronous_commit = off")
    store.execute(session, "select pg_reload_conf()")
    eventually(
        lambda: store.ask("select count(*) from pg_settings where name = 'synchronous_commit' and setting = 'off'"), bool, within=5.0
    )
    return name


@when("a consumer is started on it behind a pooler that shares sessions and ignores start-up parameters", target_fixture="running")
def behind_pooler(
    own: OwnStream, target: LaunchingTarget, start_consumer: Callable[..., Running], afterwards: Callable[..., None]
) -> Running:
    pooler = pooler_to(target.database.url, target.proxy_host)
    afterwards(pooler.close)
    return start_consumer(**own.env, BATCH_SIZE=str(BATCH), DATABASE_URL=url_through(target.database.url, pooler))


@then("every vote was committed synchronously, with time limits in force")
def committed_synchronously(witness_table: str, store: StoreProbe, observe: Observe) -> None:
    rows = {tuple(row) for row in store.rows(f"select distinct committed, statement, lock from {witness_table}")}  # noqa: S608 - our own name
    with observe.together():
        observe("statements that counted", expected="some", observed=len(rows), holds=bool(rows))
        observe("synchronous_commit of each", expected=["on"], observed=sorted({row[0] for row in rows}), remedy="system/db/store.py")
        observe(
            "statements without a time limit", expected=[], observed=[row for row in rows if "0" in row[1:]], remedy="system/db/store.py"
        )


@then("each statement counted at most as many votes as BATCH_SIZE allows")
def counted_in_batches(witness_table: str, store: StoreProbe, observe: Observe) -> None:
    sizes = [int(row[0]) for row in store.rows(f"select votes from {witness_table} where votes > 0")]  # noqa: S608 - our own name
    observe("votes counted by one statement, at most", expected=BATCH, observed=max(sizes, default=0), evidence=str(sizes),
            remedy="system/consumer/reading.py and recovery.py")  # fmt: skip
