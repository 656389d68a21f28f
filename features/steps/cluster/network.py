"""Steps about who may open a connection to whom, as pods find it that try."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

import pytest
from pytest_bdd import given, parsers, then, when

from features.steps.chart.network import TWELVE, compare, is_missed
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
"""How long a change of a policy may take to be enforced."""
READY_SECONDS = 60.0
REFUSE_ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@dataclass(frozen=True, slots=True)
class Look:
    """A table that was computed, and what pods saw."""

    what: str
    expected: Connections
    seen: Waited[Connections]


@dataclass(frozen=True, slots=True)
class Looks:
    """The ends in the cluster, its policies, and what pods saw."""

    topology: Topology
    policies: tuple[Policy, ...]
    looks: list[Look]


@pytest.fixture(scope="session")
def prober(
    installed: Installation, settings: RunSettings, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]
) -> Iterator[Prober]:
    """The pods of this run that try the network, gone afterwards."""
    with lifetime(Prober(installed, settings.run), measure, leftovers, ready="pods that try the network") as made:
        yield made


@pytest.fixture(scope="session")
def refusal_tried(prober: Prober) -> tuple[bool, bool, bool]:
    """Whether a connection was taken before a policy refused it, while it did, and afterwards."""
    near, far = prober.own_endpoints()[:2]

    def taken() -> bool:
        return (near.name, f"{far.name}:8000/TCP") in prober.try_between([near, far])

    before = eventually(taken, bool, within=APPLIED_SECONDS).held
    with cluster_policies.added(prober.cluster, [Policy(near.namespace, "votecheck-refusal", REFUSE_ALL)], prober.run):
        during = not eventually(taken, lambda is_taken: not is_taken, within=APPLIED_SECONDS).held
    return before, during, eventually(taken, bool, within=APPLIED_SECONDS).held


@pytest.fixture
def enforcing(refusal_tried: tuple[bool, bool, bool]) -> None:
    """A cluster whose network plug-in enforces policies; in any other the tables would prove nothing."""
    before, during, after = refusal_tried
    if during:
        raise NotProven("The network plug-in of this cluster enforces no NetworkPolicy: a connection that one refuses is taken.")
    if not (before and after):
        raise NotProven(f"A connection that no policy refuses is not taken: {before} before a policy, {after} after it.")


@when("a namespace of the run's own gets a policy that refuses everything")
def refused_for_a_while(refusal_tried: tuple[bool, bool, bool]) -> None:
    """The fixture has done it."""


@then("a connection that was taken before is refused, and is taken again once the policy is gone")
def enforces(refusal_tried: tuple[bool, bool, bool], enforcing: None, observe: Observe) -> None:  # noqa: ARG001 - it says what is not proven
    observe("taken before, under the policy, and after it", expected=(True, False, True), observed=refusal_tried)


@given("a cluster that enforces policies")
def given_enforcing(enforcing: None) -> None:
    """The fixture has tried it."""


@when(
    parsers.parse("policies drawn from the seed of this run are applied to the run's own pods, {count:d} at a time, {times:d} times"),
    target_fixture="rounds",
)
def policies_at_random(prober: Prober, settings: RunSettings, count: int, times: int) -> list[Look]:
    random, ends, rounds = Random(settings.seed), prober.own_endpoints(), list[Look]()  # noqa: S311 - a seed that is printed, so that it can be repeated
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
        if expected != before:  # so that what is seen is of these, and not of the last ones
            with cluster_policies.added(prober.cluster, drawn, prober.run):
                seen = _until(expected, lambda: prober.try_between(ends))
            rounds.append(Look("\n".join(f"{policy}: {policy.spec}" for policy in drawn), expected, seen))
            before = expected
    return rounds


@then("each time the connections that are taken are those that the evaluator computes")
def evaluator_is_right(rounds: list[Look], settings: RunSettings, observe: Observe) -> None:
    with observe.together():
        for number, look in enumerate(rounds, 1):
            _agree(f"round {number} of seed {settings.seed}", look, observe)


@when(
    "a pod in the place of each row tries every column, and once more while the run's own pods are let through", target_fixture="observed"
)
def every_cell_is_tried(prober: Prober) -> Looks:
    topology, policies, controls = (
        prober.topology(),
        cluster_policies.policies(prober.cluster, prober.namespaces),
        prober.control_policies(),
    )
    table = _look(prober, topology, policies, "as it is")
    with cluster_policies.added(prober.cluster, controls, prober.run):
        control = _look(prober, topology, (*policies, *controls), "with the run's own pods let through")
    return Looks(topology, policies, [table, control])


@then("the observed table is the computed one and the declared one")
def three_tables(observed: Looks, prober: Prober, observe: Observe) -> None:
    topology, (table, _) = observed.topology, observed.looks
    missing = sorted(set(declared().endpoints) - set(topology.endpoints))
    with observe.together():
        if prober.installed.managed:
            observe("ends of the table that are not there", expected=[], observed=missing)
            chart, all_values = prober.installed.chart, prober.installed.release.values()
            made = network_policies.policies(render(chart, all_values, release=prober.installed.release.name))
            observe("live policies", expected=sorted(map(str, made)), observed=sorted(map(str, observed.policies)))
            observe("what the live policies open, and what the rendered ones do", expected=format_connections(topology.allowed_by(made)),
                    observed=format_connections(table.expected))  # fmt: skip
        told = f"ends that are not there: {missing}"
        observe("cells", expected="some", observed=len(topology.connections), holds=bool(topology.connections), evidence=told)
        _agree("the table", table, observe)
        compare(topology, table.seen.value, observe)


@then("every refusal has its positive control")
def refusals_are_controlled(observed: Looks, observe: Observe) -> None:
    topology, (table, control) = observed.topology, observed.looks
    refused, opened = topology.connections - table.seen.value, table.seen.value | control.seen.value
    alone = refused - control.seen.value
    rows, columns = {row for row, _ in opened}, {column for _, column in opened}
    bare = [cell for cell in alone if cell[0] not in rows or cell[1] not in columns]
    if bare:
        raise NotProven(
            f"These refusals have no positive control: their row opens nothing, or nobody opens their column: {format_connections(bare)}"
        )
    with observe.together():
        _agree("the table with the run's own pods let through", control, observe)
        observe("refusals without a positive control", expected=[], observed=format_connections(bare),
                evidence=f"{len(refused)} refusals: {len(refused & control.seen.value)} open under the control policy, {len(alone)} are "
                         "held against another cell of their row and another of their column")  # fmt: skip


@given("an installation that may be changed")
def may_be_changed(installed: Installation) -> None:
    installed.require_managed()


@when("each of its policies is taken away in turn, and put back", target_fixture="observed")
def each_policy_is_away(prober: Prober) -> Looks:
    prober.installed.require_managed()
    topology, policies = prober.topology(), cluster_policies.policies(prober.cluster, prober.namespaces)
    looks = [_look(prober, topology, policies, "with all of them")]
    for policy in policies:
        with cluster_policies.removed(prober.cluster, policy):
            looks.append(_look(prober, topology, [one for one in policies if one != policy], str(policy)))
    return Looks(topology, policies, looks)


@then("there are twelve, and each time the observed table is the computed one, and another than with all of them")
def each_is_seen_to_be_missed(observed: Looks, observe: Observe) -> None:
    judged, (whole, *looks) = observed.topology.in_scope, observed.looks
    with observe.together():
        observe("policies", expected=TWELVE, observed=len(observed.policies), evidence="\n".join(map(str, observed.policies)))
        _agree("the table with all of them", whole, observe)
        for policy, look in zip(observed.policies, looks, strict=True):
            _agree(f"the table without {policy}", look, observe)
            is_missed(policy, whole.seen.value & judged, look.seen.value & judged, observe)


@then("when all are back, the table is the declared one and every pod is ready")
def as_before(observed: Looks, prober: Prober, observe: Observe) -> None:
    now = cluster_policies.policies(prober.cluster, prober.namespaces)
    observe("policies", expected=observed.policies, observed=now, holds=set(map(repr, now)) == set(map(repr, observed.policies)))
    topology = prober.topology()
    with observe.together():
        compare(topology, _look(prober, topology, now, "all are back").seen.value, observe)
    installed = prober.installed

    def waiting() -> list[str]:
        every = {part: installed.pods(part) for part in LAYER_OF}
        return [part for part, pods in every.items() if not pods or not all(map(is_ready, pods))]

    waited = eventually(waiting, lambda parts: not parts, within=READY_SECONDS, every=0.5)
    observe("parts whose pods are not ready", expected=[], observed=waited.value, evidence=waited.story)


def _look(prober: Prober, topology: Topology, policies: Iterable[Policy], what: str) -> Look:
    """Let pods try until they see what is computed, or for too long."""
    expected = topology.allowed_by(policies)
    return Look(what, expected, _until(expected, lambda: prober.try_all(topology)))


def _until(expected: Connections, look: Callable[[], Connections]) -> Waited[Connections]:
    return eventually(look, lambda seen: seen == expected, within=APPLIED_SECONDS)


def _agree(what: str, look: Look, observe: Observe) -> None:
    """Compare what was observed with what was computed."""
    seen, computed = look.seen.value, look.expected
    differing = [f"allowed: {one}" for one in format_connections(seen - computed)]
    differing += [f"denied: {one}" for one in format_connections(computed - seen)]
    evidence = f"{len(seen)} allowed, after {look.seen.seconds:.1f} s, {look.what}"
    observe(f"{what}: observed differently than computed", expected=[], observed=differing, evidence=evidence)
