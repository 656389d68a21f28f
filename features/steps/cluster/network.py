"""Steps in which pods try which part may open a connection to which."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

import pytest
from pytest_bdd import given, parsers, then, when

from features.support.network import POLICIES, observe_as_declared, observe_necessary
from validation.core.collections import every
from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.core.waiting import Waited, eventually
from validation.network import cluster_policies
from validation.network.prober import PROBE_PORTS, Prober
from validation.policies.declared import Connections, Topology, declared, format_connections
from validation.policies.evaluator import Policy, may_connect
from validation.policies.random_policies import draw
from validation.probes.chart import network_policies
from validation.probes.chart.manifests import render
from validation.record.observe import Observe
from validation.targets.cluster.installation import LAYER_OF, Installation, is_ready
from validation.targets.lifetime import lifetime

APPLIED_SECONDS = 10.0
"""How long it may take until a changed policy is enforced."""
READY_SECONDS = 60.0
DENY_ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A computed table, and the one that pods observed."""

    what: str
    expected: Connections
    seen: Waited[Connections]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The endpoints in the cluster, its policies, and the tables that pods observed."""

    topology: Topology
    policies: tuple[Policy, ...]
    tables: list[Comparison]


@pytest.fixture(scope="session")
def prober(
    installed: Installation, settings: RunSettings, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]
) -> Iterator[Prober]:
    """The pods of this run that try connections, removed afterwards."""
    with lifetime(Prober(installed, settings.run), measure, leftovers, ready="network probe pods") as made:
        yield made


@pytest.fixture(scope="session")
def denial_tried(prober: Prober) -> tuple[bool, bool, bool]:
    """Whether a connection was allowed before a policy denied it, meanwhile, and afterwards."""
    near, far = prober.own_endpoints()[:2]

    def is_allowed() -> bool:
        return (near.name, f"{far.name}:8000/TCP") in prober.try_between([near, far])

    before = eventually(is_allowed, bool, within=APPLIED_SECONDS).held
    with cluster_policies.added(prober.cluster, [Policy(near.namespace, "votecheck-refusal", DENY_ALL)], prober.run):
        during = not eventually(is_allowed, lambda found: not found, within=APPLIED_SECONDS).held
    return before, during, eventually(is_allowed, bool, within=APPLIED_SECONDS).held


@pytest.fixture
def enforcing(denial_tried: tuple[bool, bool, bool]) -> None:
    """Require a network plug-in that enforces policies: without one the tables prove nothing."""
    before, during, after = denial_tried
    if during:
        raise NotProven("The network plug-in of this cluster does not enforce NetworkPolicies: a denied connection is established.")
    if not (before and after):
        raise NotProven(f"A connection that no policy denies fails: allowed was {before} before the policy, {after} after it.")


@when("a policy that denies everything is added to a namespace of the run")
def denied_for_a_while(denial_tried: tuple[bool, bool, bool]) -> None:
    """The fixture adds it once for the whole session."""


@then("a connection that was allowed before is denied, and allowed again once the policy is removed")
def enforces(denial_tried: tuple[bool, bool, bool], enforcing: None, observe: Observe) -> None:  # noqa: ARG001 - it raises NotProven
    observe("allowed before, under and after the policy", expected=(True, False, True), observed=denial_tried)


@given("a cluster that enforces policies")
def given_enforcing(enforcing: None) -> None:
    """The fixture checks it once for the whole session."""


@when(
    parsers.parse("random policies from the seed of this run are applied to pods of the run, {count:d} at a time, {times:d} times"),
    target_fixture="rounds",
)
def policies_at_random(prober: Prober, settings: RunSettings, count: int, times: int) -> list[Comparison]:
    random, ends, rounds = Random(settings.seed), prober.own_endpoints(), list[Comparison]()  # noqa: S311 - repeatable by the printed seed
    before = frozenset[tuple[str, str]]()
    while len(rounds) < times:
        drawn = draw(random, ends, count)
        expected = frozenset(
            (near.name, f"{far.name}:{port}/{how}")
            for near in ends
            for far in ends
            for port, how in PROBE_PORTS
            if near != far and may_connect(drawn, near, far, port, how)
        )
        if expected != before:  # otherwise the observed table could be that of the last policies
            with cluster_policies.added(prober.cluster, drawn, prober.run):
                seen = _until(expected, lambda: prober.try_between(ends))
            rounds.append(Comparison("\n".join(f"{policy}: {policy.spec}" for policy in drawn), expected, seen))
            before = expected
    return rounds


@then("each time the allowed connections are those that the evaluator computes")
def evaluator_is_right(rounds: list[Comparison], settings: RunSettings, observe: Observe) -> None:
    with observe.together():
        for number, table in enumerate(rounds, 1):
            _observe_agreement(f"round {number} of seed {settings.seed}", table, observe)


@when("a pod for each row tries every column, and again while the pods of the run are allowed", target_fixture="observed")
def every_cell_is_tried(prober: Prober) -> Comparisons:
    topology, policies, controls = (
        prober.topology(),
        cluster_policies.policies(prober.cluster, prober.namespaces),
        prober.control_policies(),
    )
    table = _observed(prober, topology, policies, "as it is")
    with cluster_policies.added(prober.cluster, controls, prober.run):
        control = _observed(prober, topology, (*policies, *controls), "with the pods of the run allowed")
    return Comparisons(topology, policies, [table, control])


@then("the observed table is the computed and the declared one")
def three_tables(observed: Comparisons, prober: Prober, observe: Observe) -> None:
    topology, (table, _) = observed.topology, observed.tables
    missing = sorted(set(declared().endpoints) - set(topology.endpoints))
    with observe.together():
        if prober.installed.managed:
            observe("endpoints of the table that do not exist", expected=[], observed=missing)
            chart, all_values = prober.installed.chart, prober.installed.release.values()
            rendered = network_policies.policies(render(chart, all_values, release=prober.installed.release.name))
            observe("live policies", expected=sorted(map(str, rendered)), observed=sorted(map(str, observed.policies)))
            allowed = format_connections(topology.allowed_by(rendered))
            observe("connections that the live policies allow", expected=allowed, observed=format_connections(table.expected))
        absent = f"endpoints that do not exist: {missing}"
        observe("cells", expected="some", observed=len(topology.connections), holds=bool(topology.connections), evidence=absent)
        _observe_agreement("the table", table, observe)
        observe_as_declared(topology, table.seen.value, observe)


@then("every denied connection has a positive control")
def denials_are_controlled(observed: Comparisons, observe: Observe) -> None:
    topology, (table, control) = observed.topology, observed.tables
    denied, allowed = topology.connections - table.seen.value, table.seen.value | control.seen.value
    alone = denied - control.seen.value
    rows, columns = {row for row, _ in allowed}, {column for _, column in allowed}
    bare = [cell for cell in alone if cell[0] not in rows or cell[1] not in columns]
    if bare:
        raise NotProven(
            f"These denied connections have no positive control: their row or their column is denied everywhere: {format_connections(bare)}"
        )
    with observe.together():
        _observe_agreement("the table with the pods of the run allowed", control, observe)
        observe("denied connections without a positive control", expected=[], observed=format_connections(bare),
                evidence=f"{len(denied)} denied: {len(denied & control.seen.value)} allowed under the control policy, {len(alone)} with "
                         "another allowed cell in their row and another in their column")  # fmt: skip


@given("a managed installation")
def managed_installation(installed: Installation) -> None:
    installed.require_managed()


@when("each of its policies is removed in turn and restored", target_fixture="observed")
def each_policy_is_removed(prober: Prober) -> Comparisons:
    prober.installed.require_managed()
    topology, policies = prober.topology(), cluster_policies.policies(prober.cluster, prober.namespaces)
    tables = [_observed(prober, topology, policies, "with all policies")]
    for policy in policies:
        with cluster_policies.removed(prober.cluster, policy):
            tables.append(_observed(prober, topology, [one for one in policies if one != policy], str(policy)))
    return Comparisons(topology, policies, tables)


@then("there are twelve policies, each changes the observed table, and the observed table is always the computed one")
def each_changes_the_observed_table(observed: Comparisons, observe: Observe) -> None:
    in_scope, (whole, *tables) = observed.topology.in_scope, observed.tables
    with observe.together():
        observe("policies", expected=POLICIES, observed=len(observed.policies), evidence="\n".join(map(str, observed.policies)))
        _observe_agreement("the table with all policies", whole, observe)
        for policy, table in zip(observed.policies, tables, strict=True):
            _observe_agreement(f"the table without {policy}", table, observe)
            observe_necessary(policy, whole.seen.value & in_scope, table.seen.value & in_scope, observe)


@then("afterwards the table is the declared one and every pod is ready")
def as_before(observed: Comparisons, prober: Prober, observe: Observe) -> None:
    now = cluster_policies.policies(prober.cluster, prober.namespaces)
    observe("policies", expected=observed.policies, observed=now, holds=set(map(repr, now)) == set(map(repr, observed.policies)))
    topology = prober.topology()
    with observe.together():
        observe_as_declared(topology, _observed(prober, topology, now, "with all policies restored").seen.value, observe)
    installed = prober.installed

    def waiting() -> list[str]:
        found = {part: installed.pods(part) for part in LAYER_OF}
        return [part for part, pods in found.items() if not every(map(is_ready, pods))]

    waited = eventually(waiting, lambda parts: not parts, within=READY_SECONDS, every=0.5)
    observe("parts whose pods are not ready", expected=[], observed=waited.value, evidence=waited.story)


def _observed(prober: Prober, topology: Topology, policies: Iterable[Policy], what: str) -> Comparison:
    """Have the pods try until the observed table is the computed one, or time is up."""
    expected = topology.allowed_by(policies)
    return Comparison(what, expected, _until(expected, lambda: prober.try_all(topology)))


def _until(expected: Connections, look: Callable[[], Connections]) -> Waited[Connections]:
    return eventually(look, lambda seen: seen == expected, within=APPLIED_SECONDS)


def _observe_agreement(what: str, table: Comparison, observe: Observe) -> None:
    """Record that the observed table is the computed one."""
    seen, computed = table.seen.value, table.expected
    differing = [f"allowed: {one}" for one in format_connections(seen - computed)]
    differing += [f"denied: {one}" for one in format_connections(computed - seen)]
    evidence = f"{len(seen)} allowed, after {table.seen.seconds:.1f} s, {table.what}"
    observe(f"{what}: differences from the computed table", expected=[], observed=differing, evidence=evidence)
