"""Steps in which the parts reach the servers behind a pooler in statement mode, over Unix sockets, and by a list of servers."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from pytest_bdd import then, when

from features.support.api import probe_when_healthy
from features.support.consumers import Running, wait_for_attempts
from features.support.parts import record_vote
from features.support.streams import OwnStream
from validation.core import inputs
from validation.core.collections import every
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import pooler_to, proxy_to, url_through
from validation.faults.reconciliation import SentVotes
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.local import configured
from validation.targets.ports import free_port

OK, ACCEPTED, UNAVAILABLE, WITHIN_SECONDS = 200, 201, 503, 10.0
REMEDY = "system/urls.py, system/redis_pool.py and system/db/store.py"
READ_ONLY = ("postgres", "-c", "default_transaction_read_only=on")
ON_SOCKETS = """
import os, runpy, socket, sys, tempfile, threading
from urllib.parse import urlsplit

def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for one in (source, sink):
        one.close()

def relay(listening, address):
    while True:
        client, _ = listening.accept()
        server = socket.create_connection((address.hostname, address.port))
        for pair in ((client, server), (server, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()

folder = tempfile.mkdtemp()
redis, database = (urlsplit(os.environ[name]) for name in ("REDIS_URL", "DATABASE_URL"))
for name, address in (("redis.sock", redis), (".s.PGSQL.5432", database)):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{folder}/{name}")
    listening.listen(16)
    threading.Thread(target=relay, args=(listening, address), daemon=True).start()
password = f"&password={redis.password}" if redis.password else ""
user = f"{database.netloc.rpartition('@')[0]}@"
os.environ["REDIS_URL"] = f"unix://{folder}/redis.sock?db={redis.path[1:] or 0}{password}"
os.environ["DATABASE_URL"] = f"postgresql://{user}{database.path}?host={folder}"
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
"""
"""Starts a part with Unix sockets of its own that lead to its servers: in a container, sockets of this machine are out of its reach."""


@dataclass
class Pair:
    """An API, and a consumer of the scenario's stream."""

    api: Api
    consumer: Running


@when("an API and a consumer of it are started behind a pooler in statement mode", target_fixture="pair")
def behind_statement_pooler(
    own: OwnStream,
    target: LaunchingTarget,
    start_api: Callable[..., Api],
    start_consumer: Callable[..., Running],
    afterwards: Callable[..., None],
) -> Pair:
    pooler = pooler_to(target.database.url, target.proxy_host, statements=True)
    afterwards(pooler.close)
    url = url_through(target.database.url, pooler)
    return Pair(start_api(DATABASE_URL=url), start_consumer(**own.env, DATABASE_URL=url))


@then("the API is not ready and names the database, and the consumer says why and counts nothing")
def refused(pair: Pair, own: OwnStream, store: StoreProbe, observe: Observe) -> None:
    ready = probe_when_healthy(pair.api).send("GET", "/ready")
    tried = wait_for_attempts(pair.consumer.child, "postgres_unavailable", 2)
    errors = {str(event.get("error")) for event in pair.consumer.child.events() if event.get("event") == "postgres_unavailable"}
    with observe.together():
        observe(
            "/ready", expected=UNAVAILABLE, observed=ready.status, evidence=ready, remedy="system/db/store.py: every read is a transaction"
        )
        observe("the database in /ready", expected="disconnected", observed=(ready.json() or {}).get("database"), evidence=ready)
        observe("attempts that the consumer logged", expected="at least 2", observed=tried.value, holds=tried.held, evidence=tried.story)
        named = every("transaction" in error for error in errors)
        observe("errors in its log", expected="name transactions", observed=sorted(errors), holds=named)
        observe("votes of the stream in the ledger", expected={}, observed=store.ledger(own.votes), remedy="begin and commit")


@when("an API and a consumer of it reach Redis and the database over Unix sockets", target_fixture="pair")
def over_sockets(target: LaunchingTarget, own: OwnStream, afterwards: Callable[..., None]) -> Pair:
    api, consumer = target.new_api({}), target.new_consumer(own.env)
    for child, part in ((api.process, "api"), (consumer, "consumer")):
        inputs.note(f"the {part} gets a unix:// URL of Redis, and the folder of the socket of PostgreSQL")
        child.run_program(ON_SOCKETS, f"system.{part}")
        afterwards(child.stop)
        child.start()
    return Pair(api, Running(consumer, own.env))


@when("an API and a consumer of it reach Redis and the database by a list of servers, of which only the last accepts writes",
      target_fixture="pair")  # fmt: skip
def by_list(
    target: LaunchingTarget,
    own: OwnStream,
    start_api: Callable[..., Api],
    start_consumer: Callable[..., Running],
    afterwards: Callable[..., None],
) -> Pair:
    address = urlsplit(target.database.url)
    port = free_port()
    read_only = configured.postgres(target.folder / f"read-only-{port}", port, READ_ONLY, target.folder.name)
    afterwards(read_only.stop)
    read_only.start()
    eventually(lambda: "ready to accept connections" in read_only.output(), bool, within=WITHIN_SECONDS)
    proxies = [proxy_to(f"postgresql://127.0.0.1:{port}", target.proxy_host), proxy_to(target.database.url, target.proxy_host)]
    for proxy in proxies:
        afterwards(proxy.close)
    hosts = [f"{proxies[0].host}:{free_port()}", *(f"{proxy.host}:{proxy.port}" for proxy in proxies)]
    user = address.netloc.rpartition("@")[0]
    url = urlunsplit(address._replace(netloc=f"{user}@{','.join(hosts)}", query="target_session_attrs=read-write"))
    return Pair(start_api(DATABASE_URL=url), start_consumer(**own.env, DATABASE_URL=url))


@then("the API is ready, accepts a vote and shows the counts")
def works(pair: Pair, sent_votes: SentVotes, observe: Observe) -> None:
    probe = probe_when_healthy(pair.api)
    log = pair.api.process.output()
    observe("the API answers", expected=True, observed=probe.answers("/health"), evidence=log, remedy=REMEDY)
    ready = probe.send("GET", "/ready")
    key = sent_votes.key()
    vote = probe.vote("cats", key)
    record_vote(sent_votes, key, "cats", vote)
    results = probe.send("GET", "/api/results")
    with observe.together():
        observe("/ready", expected=OK, observed=ready.status, evidence=f"{ready}\n{log}", remedy=REMEDY)
        observe("a vote", expected=ACCEPTED, observed=vote.status, evidence=vote, remedy=REMEDY)
        observe("/api/results", expected=OK, observed=results.status, evidence=results, remedy=REMEDY)
