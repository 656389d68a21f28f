"""Steps that scale, restart, upgrade and reinstall an installation, some while votes flow into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.support.reconciliation import observe_counts, observe_reconciliation
from validation.core.errors import NotProven, TargetUnavailable
from validation.core.protocol import LAYERS
from validation.core.waiting import eventually
from validation.faults.reconciliation import SentVotes
from validation.faults.workload import Workload
from validation.hops.tracer import Tracer
from validation.probes.chart.manifests import Manifest, render
from validation.probes.chart.values import shipped
from validation.probes.running.http import HttpProbe
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.cluster import operations
from validation.targets.cluster.access import REQUEST_SECONDS, api_call
from validation.targets.cluster.admission import refusals
from validation.targets.cluster.installation import Installation

FLOWS_SECONDS = 15.0
SETTLED_SECONDS = 60.0
LOOK_SECONDS = 0.3
FEW = 20
VOTE_EVERY_SECONDS = 0.1


@dataclass
class Flow:
    """Votes that flow into an installation, and what it had accepted and counted before."""

    workload: Workload
    rows_before: int
    accepted_before: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What an upgrade must keep: passwords, and volumes by uid."""

    passwords: tuple[str, ...]
    volumes: tuple[str, ...]


@given("votes flow into the installation", target_fixture="flow")
def votes_flow_in(
    installed: Installation, sent_votes: SentVotes, store: StoreProbe, afterwards: Callable[..., None], observe: Observe
) -> Flow:
    _settle(store, sent_votes)
    flow = Flow(
        Workload(HttpProbe(installed.api.url), sent_votes, VOTE_EVERY_SECONDS), store.ledger_totals().total(), len(sent_votes.accepted())
    )
    flow.workload.start()
    afterwards(flow.workload.stop)
    flowing = eventually(lambda: len(sent_votes.accepted()) - flow.accepted_before, lambda n: n >= FEW, within=FLOWS_SECONDS, every=0.1)
    observe("votes accepted since the start", expected=f"at least {FEW}", observed=flowing.value, holds=flowing.held)
    return flow


@when("the consumer is scaled to 3, to 0, to 1 while they flow")
def consumer_is_scaled(installed: Installation, observe: Observe) -> None:
    for replicas in (3, 0, 1):
        operations.scale(installed, "consumer", replicas)
        observe("ready consumers", expected=replicas, observed=len(installed.ready("consumer")))


@when(parsers.re(r"a pod of (?:the )?(?P<component>api|redis|postgres) is deleted while they flow"))
def pod_is_deleted(installed: Installation, component: str, observe: Observe) -> None:
    volumes = _kept(installed).volumes
    gone = operations.delete_pod(installed, component)
    observe(f"{component} pods from before", expected=0, observed=[pod.metadata.uid for pod in installed.pods(component)].count(gone))
    observe("volumes", expected=volumes, observed=_kept(installed).volumes)


@when("the api is rolled out while they flow")
def api_is_rolled_out(installed: Installation, observe: Observe) -> None:
    before = {pod.metadata.uid for pod in installed.pods("api")}
    operations.roll_out(installed, "api")
    after = installed.pods("api")
    observe("API pods before and after", expected="some", observed=(len(before), len(after)), holds=bool(before and after))
    observe("API pods from before", expected=[], observed=[p.metadata.name for p in after if p.metadata.uid in before])


@when("the release is upgraded to another configuration and rolled back while they flow", target_fixture="kept")
def upgraded_and_rolled_back(installed: Installation, observe: Observe) -> Kept:
    installed.require_managed()
    kept, values = _kept(installed), installed.managed_values()
    failure = _upgrade(installed, values | {"consumer": {"batchSize": 77, "logLevel": "DEBUG"}})
    now = "unchanged" if _kept(installed) == kept else "changed"  # reads the cluster: what follows is not about one that does not answer
    observe("passwords and volumes after the upgrade", expected="unchanged", observed=now, evidence=failure)
    observe("upgrade", expected="done", observed=failure or "done")
    observe("BATCH_SIZE after the upgrade", expected=77, observed=installed.release.values()["consumer"]["batchSize"])
    installed.release.rollback()
    operations.wait_ready(installed, "consumer", 1)
    observe("BATCH_SIZE after the rollback", expected=500, observed=installed.release.values()["consumer"]["batchSize"])
    return kept


def _upgrade(installed: Installation, values: Mapping[str, Any]) -> str:
    """Upgrade the release, and return why that failed; empty if it did not."""
    try:
        installed.release.upgrade(installed.chart, values)
    except TargetUnavailable as failed:
        return str(failed)
    return ""


@then("passwords and volumes are the same as before")
def kept_as_before(installed: Installation, kept: Kept, observe: Observe) -> None:
    now = _kept(installed)
    with observe.together():
        observe("passwords", expected="unchanged", observed="unchanged" if now.passwords == kept.passwords else "changed")
        observe("volumes", expected=kept.volumes, observed=now.volumes, remedy="volumeClaimTemplates of the StatefulSets")


@then("every accepted vote is counted once, and no other")
def flow_counted(flow: Flow, sent_votes: SentVotes, store: StoreProbe, stream: StreamProbe, tracer: Tracer, observe: Observe) -> None:
    flow.workload.pause()
    resting = eventually(lambda: flow.workload.idle, bool, within=SETTLED_SECONDS, every=LOOK_SECONDS)
    given_up = flow.workload.given_up
    observe("votes without a response", expected=[], observed=given_up, holds=resting.held and not given_up)
    _observe_all_counted(sent_votes, store, stream, tracer, observe)
    added, accepted = store.ledger_totals().total() - flow.rows_before, len(sent_votes.accepted()) - flow.accepted_before
    observe("rows added to the ledger", expected=accepted, observed=added, evidence="as many as votes were accepted")


@then("every vote that was ever accepted there is counted once")
def all_counted(sent_votes: SentVotes, store: StoreProbe, stream: StreamProbe, tracer: Tracer, observe: Observe) -> None:
    _observe_all_counted(sent_votes, store, stream, tracer, observe)


@when("both pods of the API are evicted in a row", target_fixture="evictions")
def both_evicted(installed: Installation) -> list[int]:
    installed.require_managed()
    pods = installed.ready("api")
    if len(pods) != 2:  # noqa: PLR2004 - both
        raise NotProven(f"{len(pods)} API pods are ready; this scenario needs 2.")
    return [operations.evict(installed, pod) for pod in pods]


@then("the first eviction succeeds, the second is rejected, and two pods become ready again")
def second_eviction_rejected(installed: Installation, evictions: list[int], observe: Observe) -> None:
    observe("responses to the evictions", expected=[201, 429], observed=evictions, remedy="chart/templates/api.yaml, PodDisruptionBudget")
    operations.wait_ready(installed, "api", 2)
    observe("ready API pods", expected=2, observed=len(installed.ready("api")))


@when("the chart's own test runs", target_fixture="chart_test")
def chart_test_runs(installed: Installation) -> str:
    return installed.test()


@then("it reports that its vote was counted")
def chart_test_counted(chart_test: str, observe: Observe) -> None:
    observe("last line of the chart's test", expected=["counted"], observed=chart_test.strip().splitlines()[-1:])


@when("the objects of each shipped values file are sent to the API server as a dry run", target_fixture="dry_run")
def dry_run_of_each(installed: Installation) -> dict[str, tuple[int, list[str], list[str]]]:
    return {
        name: refusals(installed.cluster, _renamed(installed, name, values), installed.settings.run)
        for name, values in shipped(installed.chart).items()
    }


@then("it would admit every object of a kind that it knows")
def all_admitted(dry_run: dict[str, tuple[int, list[str], list[str]]], observe: Observe) -> None:
    with observe.together():
        for name, (sent, rejected, unknown) in dry_run.items():
            skipped = f"kinds that this cluster does not know: {', '.join(unknown) or 'none'}"
            observe(f"objects of {name}", expected="some", observed=sent, holds=sent > 0, evidence=skipped)
            observe(f"rejected objects of {name}", expected=[], observed=rejected, evidence=skipped)


@when("the release is uninstalled", target_fixture="kept")
def uninstalled(installed: Installation) -> Kept:
    installed.require_managed()
    kept = _kept(installed)
    installed.release.uninstall()
    return kept


@then("only the data namespace is left, with its volumes and its Secret")
def only_data_left(installed: Installation, kept: Kept, observe: Observe) -> None:
    names = {installed.namespace(layer) for layer in LAYERS}

    seen = eventually(
        lambda: names & installed.cluster.namespaces().keys(), lambda spaces: len(spaces) == 1, within=SETTLED_SECONDS, every=LOOK_SECONDS
    )
    with observe.together():
        observe("remaining namespaces", expected={installed.namespace("data")}, observed=seen.value, evidence=seen.story)
        observe("passwords and volumes", expected="unchanged", observed="unchanged" if _kept(installed) == kept else "changed")


@when("it is installed again with the kept data")
def installed_again(installed: Installation) -> None:
    installed.release.install(installed.chart, installed.managed_values())
    installed.rediscover_api()


def _kept(installed: Installation) -> Kept:
    with api_call("the volumes"):
        space = installed.namespace("data")
        claims = installed.cluster.core.list_namespaced_persistent_volume_claim(space, _request_timeout=REQUEST_SECONDS).items
    return Kept(
        (installed.secret("REDIS_PASSWORD"), installed.secret("POSTGRES_PASSWORD")),
        tuple(sorted(f"{claim.metadata.name} {claim.metadata.uid}" for claim in claims)),
    )


def _renamed(installed: Installation, name: str, values: Mapping[str, Any]) -> tuple[Manifest, ...]:
    """Render with unique namespaces: those in the file may exist already."""
    prefix = f"{installed.prefix}-dry-{name.partition('-')[0]}"
    return render(installed.chart, {**values, "namespaces": {**values.get("namespaces", {}), "prefix": prefix}}, release=prefix)


def _settle(store: StoreProbe, sent_votes: SentVotes) -> None:
    """Wait until every accepted vote is in the ledger; the step then records what is missing."""
    accepted = sent_votes.accepted()
    eventually(lambda: len(store.ledger(accepted)), lambda found: found == len(accepted), within=SETTLED_SECONDS, every=LOOK_SECONDS)


def _observe_all_counted(sent_votes: SentVotes, store: StoreProbe, stream: StreamProbe, tracer: Tracer, observe: Observe) -> None:
    _settle(store, sent_votes)
    drained = stream.wait_until_drained(within=SETTLED_SECONDS, every=LOOK_SECONDS)
    votes = sent_votes.reconcile(store.ledger(sent_votes.accepted()))
    with observe.together():
        observe("accepted votes", expected="some", observed=votes.ok, holds=votes.ok > 0)
        observe_reconciliation(votes, sent_votes.to_trace, tracer, observe)
        observe_counts(store, observe)
        observe("consumer group", expected="drained", observed=drained.value, holds=drained.held, evidence=drained.story)
