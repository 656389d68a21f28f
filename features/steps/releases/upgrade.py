"""Steps that replace the parts of the last release one after the other, and go back, while votes flow."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from anyio.from_thread import BlockingPortal
from pytest_bdd import given, then, when

from features.support.earlier import Earlier
from features.support.own_system import counts_of
from features.support.reconciliation import observe_counts, observe_reconciliation
from features.support.upgrade import Upgrade
from validation.core import protocol
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.hops.tracer import Tracer
from validation.probes.running.http import HttpProbe
from validation.probes.running.keyspace import Keyspace
from validation.probes.running.own_databases import RedisNumber, new_database, url_of
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

COUNTED_SECONDS = 20.0
NAMES = ("old", "new")
SHOWN = 5


@given("the parts of the last release, on a schema that its migration made", target_fixture="upgrade")
def parts_of_both(target: LaunchingTarget, earlier: Earlier, portal: BlockingPortal, afterwards: Callable[..., None]) -> Upgrade:
    target.redis.require_managed()
    target.database.require_managed()
    owned = ExitStack()
    afterwards(owned.close)
    redis_url = url_of(target.redis.url, RedisNumber.UPGRADE)
    database_url = owned.enter_context(new_database(target.database.url, portal))
    owned.enter_context(Keyspace(redis_url))
    proxies = proxy_to(redis_url, target.proxy_host), proxy_to(database_url, target.proxy_host)
    for proxy in proxies:
        owned.callback(proxy.close)
    stream = StreamProbe(redis_url)
    owned.callback(stream.close)
    env = {"REDIS_URL": url_through(redis_url, proxies[0]), "DATABASE_URL": url_through(database_url, proxies[1])}
    counting = env | {"BLOCK_MS": "100", "CLAIM_IDLE_MS": "300"}
    made = Upgrade(
        {"old": lambda: earlier.api(env), "new": lambda: target.new_api(env)},
        {"old": lambda: earlier.consumer(counting | {"CONSUMER_NAME": "old"}), "new": lambda: target.new_consumer(counting)},
        {"old": lambda: earlier.migrate(env), "new": lambda: target.try_migration(env["DATABASE_URL"])},
        stream,
        StoreProbe(database_url, portal),
    )
    owned.callback(made.close)
    made.schema_by("old")
    return made


@when("votes flow through these stages")
def through_stages(upgrade: Upgrade, datatable: list[list[str]]) -> None:
    for name, apis, consumers, migration in datatable[1:]:
        if migration:
            upgrade.schema_by(migration)
        upgrade.stage(name, apis.split(", "), consumers.split(", "))


@then("at each stage votes are accepted, every consumer counts, and the parts that go end in order")
def every_stage(upgrade: Upgrade, observe: Observe) -> None:
    for stage in upgrade.stages:
        with observe.together():
            for what, seen in {"votes of the {} API": stage.accepted, "batches of the {} consumer": stage.counted}.items():
                for name, count in seen.items():
                    observe(f"{stage.name}: {what.format(name)}", expected="some", observed=count.value, holds=count.held,
                            evidence=count.story, timed=not count.held)  # fmt: skip
            observe(f"{stage.name}: exit codes of the parts that go", expected=dict.fromkeys(stage.exits, 0), observed=stage.exits)


@then("every migration succeeds, and no vote is refused meanwhile")
def migrations_succeed(upgrade: Upgrade, observe: Observe) -> None:
    with observe.together():
        for name, code, output in upgrade.migrations:
            observe(f"exit code of the {name} migration", expected=0, observed=code, evidence=output)
        observe("votes that were not accepted", expected=[], observed=upgrade.flow.failed[:SHOWN])


@then("a vote that is sent again with its key, at any stage and to either API, is the vote that it was")
def same_votes(upgrade: Upgrade, observe: Observe) -> None:
    with observe.together():
        for stage in upgrade.stages:
            for api, (again, first) in stage.repeated.items():
                observe(f"{stage.name}: vote ids from the {api} API", expected=first, observed=again)


@then("both APIs show the same results, which are the accepted votes")
def same_results(upgrade: Upgrade, observe: Observe) -> None:
    upgrade.flow.end()
    expected = dict(upgrade.flow.sent.by_option())
    for name in NAMES:
        shown = eventually(partial(_shown, upgrade.api(name)), lambda seen: seen == expected, within=COUNTED_SECONDS)
        observe(f"results of the {name} API", expected=expected, observed=shown.value, evidence=shown.story, timed=not shown.held)


@then("every accepted vote is counted once, nothing became a dead letter, and no part logged an error")
def ledger_balances(upgrade: Upgrade, observe: Observe) -> None:
    sent, tracer = upgrade.flow.sent, Tracer(lambda: upgrade.stream, lambda: upgrade.store)
    observe_reconciliation(sent.reconcile(upgrade.store.whole_ledger()), sent.to_trace, tracer, observe)
    observe_counts(upgrade.store, observe)
    letters = upgrade.stream.length(protocol.STREAM + protocol.DEAD_SUFFIX)
    lines = [event for part in upgrade.started for event in part.events()]
    errors = [event for event in lines if event.get("level") in {"error", "critical"}]
    observe("dead letters", expected=0, observed=letters)
    observe("log lines of all parts", expected="some", observed=len(lines), holds=bool(lines))
    observe("log lines about errors", expected=[], observed=errors[:SHOWN])


def _shown(api: HttpProbe) -> dict[str, int]:
    return counts_of(api.send("GET", "/api/results").json())
