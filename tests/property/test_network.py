"""The evaluator follows the laws of network policies for random policies. B15 compares the same policies with a live cluster."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from validation.policies.evaluator import Endpoint, Policy, may_connect, selector_matches
from validation.policies.random_policies import draw

PORTS = {("http", "TCP"): 8000, ("metrics", "TCP"): 9000}
PODS = [
    Endpoint("a", "near", {"app": "x", "tier": "1"}, ip="10.0.0.1", ports=PORTS),
    Endpoint("b", "near", {"app": "y"}, ip="10.0.0.2", ports=PORTS),
    Endpoint("c", "far", {"app": "x"}, ip="10.0.0.3", ports=PORTS),
    Endpoint("d", "far", {}, ip="10.0.0.4"),
]
NODE = Endpoint("node", ip="192.0.2.1")
policies = st.randoms(use_true_random=False).flatmap(lambda random: st.integers(0, 4).map(lambda count: draw(random, PODS, count)))
pods = st.sampled_from(PODS)
doors = st.tuples(st.sampled_from([7999, 8000, 8001, 9000]), st.sampled_from(["TCP", "UDP"]))
labels = st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"))
DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
ALLOW = DENY | {"ingress": [{}], "egress": [{}]}


@given(source=pods, target=pods, door=doors)
def test_without_a_policy_everything_is_allowed(source: Endpoint, target: Endpoint, door: tuple[int, str]) -> None:
    assert may_connect([], source, target, *door)


@given(drawn=policies, source=pods, target=pods, door=doors)
def test_with_default_deny_additional_policies_only_open_connections(
    drawn: tuple[Policy, ...], source: Endpoint, target: Endpoint, door: tuple[int, str]
) -> None:
    denied = [Policy(space, "deny", DENY) for space in ("near", "far")]
    for fewer in range(len(drawn)):
        before = may_connect([*denied, *drawn[:fewer]], source, target, *door)
        assert not before or may_connect([*denied, *drawn[: fewer + 1]], source, target, *door)


@given(drawn=policies, source=pods, target=pods, door=doors)
def test_a_deny_policy_changes_nothing_where_everything_is_allowed(
    drawn: tuple[Policy, ...], source: Endpoint, target: Endpoint, door: tuple[int, str]
) -> None:
    everything = [Policy(space, "allow", ALLOW) for space in ("near", "far")]
    assert may_connect([*everything, *drawn], source, target, *door)


@given(drawn=policies, source=pods, target=pods, door=doors)
def test_policy_order_does_not_matter(drawn: tuple[Policy, ...], source: Endpoint, target: Endpoint, door: tuple[int, str]) -> None:
    assert may_connect(drawn, source, target, *door) == may_connect(drawn[::-1], source, target, *door)


@given(drawn=policies, source=pods, target=pods, door=doors)
def test_both_ends_must_allow_a_connection(drawn: tuple[Policy, ...], source: Endpoint, target: Endpoint, door: tuple[int, str]) -> None:
    leaving = [Policy(p.namespace, p.name, {**p.spec, "policyTypes": ["Egress"]}) for p in drawn if "Egress" in p.directions]
    coming = [Policy(p.namespace, p.name, {**p.spec, "policyTypes": ["Ingress"]}) for p in drawn if "Ingress" in p.directions]
    both = may_connect(leaving, source, target, *door) and may_connect(coming, source, target, *door)
    assert may_connect(drawn, source, target, *door) == both


@given(drawn=policies, source=pods, target=pods, door=doors)
def test_a_policy_in_another_namespace_has_no_effect(
    drawn: tuple[Policy, ...], source: Endpoint, target: Endpoint, door: tuple[int, str]
) -> None:
    elsewhere = [Policy("elsewhere", p.name, p.spec) for p in drawn]
    assert may_connect(elsewhere, source, target, *door)


@given(drawn=policies, pod=pods, door=doors)
def test_a_pod_reaches_itself(drawn: tuple[Policy, ...], pod: Endpoint, door: tuple[int, str]) -> None:
    assert may_connect(drawn, pod, pod, *door)


@given(carried=labels, key=st.sampled_from("kl"), value=st.sampled_from("vw"))
def test_selector_operators(carried: dict[str, str], key: str, value: str) -> None:
    def meets(operator: str, *values: str) -> bool:
        return selector_matches({"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}, carried)

    assert meets("In", value) == selector_matches({"matchLabels": {key: value}}, carried)
    assert meets("NotIn", value) != meets("In", value)
    assert meets("Exists") == (meets("In", "v", "w"))
    assert meets("DoesNotExist") != meets("Exists")


def lets(peer: object, source: Endpoint, ports: object = None, door: tuple[int, str] = (80, "TCP"), target: Endpoint = PODS[0]) -> bool:
    rule = {"from": peer} | ({"ports": ports} if ports is not None else {})
    return may_connect([Policy("near", "p", {"podSelector": {}, "ingress": [rule]})], source, target, *door)


def test_one_peer_with_two_selectors_differs_from_two_peers() -> None:
    namespace, pod = (
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "far"}}},
        {"podSelector": {"matchLabels": {"app": "x"}}},
    )
    stranger_in_far, fellow = PODS[3], Endpoint("e", "near", {"app": "x"})
    assert lets([namespace | pod], PODS[2])
    assert not lets([namespace | pod], stranger_in_far)
    assert not lets([namespace | pod], fellow)
    assert lets([namespace, pod], stranger_in_far)
    assert lets([namespace, pod], fellow)
    assert not lets([pod], PODS[2])


def test_missing_peers_or_ports_allow_all_and_missing_rules_allow_none() -> None:
    assert lets([], NODE)
    assert lets(None, NODE, ports=[])
    assert not may_connect([Policy("near", "p", {"podSelector": {}, "ingress": []})], NODE, PODS[0], 80)


def test_default_policy_types() -> None:
    assert Policy("n", "p", {"podSelector": {}}).directions == {"Ingress"}
    assert Policy("n", "p", {"podSelector": {}, "egress": []}).directions == {"Ingress"}
    assert Policy("n", "p", {"podSelector": {}, "egress": [{}]}).directions == {"Ingress", "Egress"}
    assert Policy("n", "p", {"podSelector": {}, "egress": [{}], "policyTypes": ["Ingress"]}).directions == {"Ingress"}


def test_ip_blocks_with_exceptions() -> None:
    block = [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.2/32"]}}]
    assert [lets(block, end) for end in (*PODS, NODE)] == [True, False, True, True, False]
    assert not lets(block, Endpoint("unknown", "far"))


def test_selectors_match_only_pods() -> None:
    assert not lets([{"namespaceSelector": {}}], NODE)
    assert lets([{"ipBlock": {"cidr": "192.0.2.0/24"}}], NODE)


def test_ports() -> None:
    assert lets(None, NODE, [{"port": 80}], (80, "TCP"))
    assert not lets(None, NODE, [{"port": 80}], (80, "UDP"))
    assert lets(None, NODE, [{"protocol": "UDP"}], (1, "UDP"))
    assert [lets(None, NODE, [{"port": 10, "endPort": 12}], (port, "TCP")) for port in (9, 10, 12, 13)] == [False, True, True, False]
    assert lets(None, NODE, [{"port": "http"}], (8000, "TCP"))
    assert not lets(None, NODE, [{"port": "http"}], (9000, "TCP"))
    assert not lets(None, NODE, [{"port": "http", "protocol": "UDP"}], (8000, "UDP"))


def test_a_named_egress_port_resolves_in_the_target_pod() -> None:
    out = Policy("near", "p", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": "http"}]}]})
    assert may_connect([out], PODS[0], PODS[2], 8000)
    assert not may_connect([out], PODS[0], PODS[3], 8000)  # the target has no such port


def test_the_same_seed_generates_the_same_policies() -> None:
    first, again, other = (draw(Random(seed), PODS, 5) for seed in (7, 7, 8))  # noqa: S311 - not for secrets
    assert first == again != other
