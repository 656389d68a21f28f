"""Random network policies of every shape that the API accepts, for given endpoints."""

from collections.abc import Sequence
from random import Random
from typing import Any

from validation.policies.evaluator import NAME_LABEL, Endpoint, Policy

SOME_PORTS = (8000, 9000, "http", "metrics")


def draw(random: Random, endpoints: Sequence[Endpoint], count: int) -> tuple[Policy, ...]:
    """Draw random policies in the namespaces of the given pods.

    Args:
        random: the source of randomness; the same seed draws the same policies.
        endpoints: the pods, whose labels, addresses and namespaces the policies use.
        count: how many policies to draw.
    """
    namespaces = sorted({end.namespace for end in endpoints})
    return tuple(Policy(random.choice(namespaces), f"drawn-{number}", _spec(random, endpoints)) for number in range(count))


def _spec(random: Random, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    spec: dict[str, Any] = {"podSelector": _selector(random, endpoints)}
    for rules, peers in (("ingress", "from"), ("egress", "to")):
        if random.random() < 0.7:  # noqa: PLR2004 - any share would do
            spec[rules] = [_rule(random, endpoints, peers) for _ in range(random.randrange(3))]
    types = random.choice([None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]])
    return spec | ({"policyTypes": types} if types else {})


def _rule(random: Random, endpoints: Sequence[Endpoint], peers: str) -> dict[str, Any]:
    rule = {}
    if random.random() < 0.8:  # noqa: PLR2004
        rule[peers] = [_peer(random, endpoints) for _ in range(random.randrange(1, 3))]
    if random.random() < 0.6:  # noqa: PLR2004
        rule["ports"] = [_port(random) for _ in range(random.randrange(1, 3))]
    return rule


def _peer(random: Random, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    shape = random.choice(["pods", "namespaces", "both", "block"])
    if shape == "block":
        whole = random.random() < 0.5  # noqa: PLR2004
        block = "0.0.0.0/0" if whole else f"{random.choice(endpoints).ip}/32"
        return {"ipBlock": {"cidr": block} | ({"except": [f"{random.choice(endpoints).ip}/32"]} if whole else {})}
    peer = {}
    if shape != "namespaces":
        peer["podSelector"] = _selector(random, endpoints)
    if shape != "pods":
        peer["namespaceSelector"] = random.choice([{}, _of({NAME_LABEL: random.choice(endpoints).namespace}, random)])
    return peer


def _selector(random: Random, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    labels = dict(random.choice(endpoints).labels)
    return _of(dict([random.choice(sorted(labels.items()))]), random) if labels and random.random() < 0.7 else {}  # noqa: PLR2004


def _of(label: dict[str, str], random: Random) -> dict[str, Any]:
    """Return a selector for one label, written in one of the possible ways."""
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
