"""Network policies drawn at random, of every shape that the API takes, over ends that are given."""

from collections.abc import Sequence
from random import Random
from typing import Any

from validation.policies.evaluator import NAME_LABEL, End, Policy

SOME_PORTS = (8000, 9000, "http", "metrics")


def draw(random: Random, ends: Sequence[End], count: int) -> tuple[Policy, ...]:
    """Draw some policies, in the namespaces of these pods.

    Args:
        random: where chance comes from; the same seed gives the same policies.
        ends: the pods; labels, addresses and namespaces in the policies are theirs.
        count: how many.
    """
    spaces = sorted({end.namespace for end in ends})
    return tuple(Policy(random.choice(spaces), f"drawn-{number}", _spec(random, ends)) for number in range(count))


def _spec(random: Random, ends: Sequence[End]) -> dict[str, Any]:
    spec: dict[str, Any] = {"podSelector": _selector(random, ends)}
    for rules, peers in (("ingress", "from"), ("egress", "to")):
        if random.random() < 0.7:  # noqa: PLR2004 - how often is nobody's business
            spec[rules] = [_rule(random, ends, peers) for _ in range(random.randrange(3))]
    types = random.choice([None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]])
    return spec | ({"policyTypes": types} if types else {})


def _rule(random: Random, ends: Sequence[End], peers: str) -> dict[str, Any]:
    rule = {}
    if random.random() < 0.8:  # noqa: PLR2004
        rule[peers] = [_peer(random, ends) for _ in range(random.randrange(1, 3))]
    if random.random() < 0.6:  # noqa: PLR2004
        rule["ports"] = [_port(random) for _ in range(random.randrange(1, 3))]
    return rule


def _peer(random: Random, ends: Sequence[End]) -> dict[str, Any]:
    shape = random.choice(["pods", "spaces", "both", "block"])
    if shape == "block":
        whole = random.random() < 0.5  # noqa: PLR2004
        block = "0.0.0.0/0" if whole else f"{random.choice(ends).ip}/32"
        return {"ipBlock": {"cidr": block} | ({"except": [f"{random.choice(ends).ip}/32"]} if whole else {})}
    peer = {}
    if shape != "spaces":
        peer["podSelector"] = _selector(random, ends)
    if shape != "pods":
        peer["namespaceSelector"] = random.choice([{}, _of({NAME_LABEL: random.choice(ends).namespace}, random)])
    return peer


def _selector(random: Random, ends: Sequence[End]) -> dict[str, Any]:
    labels = dict(random.choice(ends).labels)
    return _of(dict([random.choice(sorted(labels.items()))]), random) if labels and random.random() < 0.7 else {}  # noqa: PLR2004


def _of(label: dict[str, str], random: Random) -> dict[str, Any]:
    """Write a selector about one label, in one of the ways that there are."""
    ((key, value),) = label.items()
    operator = random.choice(["", "In", "NotIn", "Exists", "DoesNotExist"])
    if not operator:
        return {"matchLabels": label}
    return {"matchExpressions": [{"key": key, "operator": operator} | ({"values": [value]} if operator.endswith("In") else {})]}


def _port(random: Random) -> dict[str, Any]:
    protocol = random.choice([{}, {"protocol": "TCP"}, {"protocol": "UDP"}])
    shape = random.choice(["one", "range", "any"])
    if shape == "one":
        number = random.choice(SOME_PORTS)
        udp = protocol.get("protocol") == "UDP"
        return {"port": f"{number}-udp" if udp and isinstance(number, str) else number} | protocol
    return protocol | ({"port": random.choice([7000, 8000]), "endPort": random.choice([8000, 8999, 9000])} if shape == "range" else {})
