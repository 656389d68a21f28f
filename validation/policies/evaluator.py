"""Computes from network policies whether one endpoint may open a connection to another, as the `networking.k8s.io/v1` API defines it.

Processes on a node, and the node's own traffic to its pods, are outside of what policies decide. Addresses are compared as the target has
them: a Service is resolved to its pod before policies apply.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

NAME_LABEL = "kubernetes.io/metadata.name"
"""The label with its name that every namespace carries."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something that opens or accepts connections.

    Attributes:
        name: its name in a table.
        namespace: the namespace of a pod; empty for anything else, which no selector matches.
        labels: the pod's labels.
        namespace_labels: further labels of its namespace.
        ip: its address; empty if unknown, and then no ipBlock contains it.
        ports: the numbers of its named ports, by name and protocol.
    """

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ip: str = ""
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """One NetworkPolicy: its namespace, its name, and its spec as YAML has it."""

    namespace: str
    name: str
    spec: Mapping[str, Any]

    def __str__(self) -> str:
        """Return namespace and name, as kubectl prints them."""
        return f"{self.namespace}/{self.name}"

    @property
    def directions(self) -> set[str]:
        """The directions that it isolates. Without `policyTypes` these are Ingress, and Egress if there are egress rules."""
        return set(self.spec.get("policyTypes") or ["Ingress", *(["Egress"] if self.spec.get("egress") else [])])

    def selects(self, endpoint: Endpoint) -> bool:
        """Return whether it applies to a pod."""
        return self.namespace == endpoint.namespace and selector_matches(self.spec.get("podSelector"), endpoint.labels)


def may_connect(policies: Iterable[Policy], source: Endpoint, target: Endpoint, port: int, protocol: str = "TCP") -> bool:
    """Return whether `source` may open a connection to a port of `target`. Both ends must allow it; a pod always reaches itself."""
    kept, destination = tuple(policies), _Destination(target, port, protocol)
    return source == target or (
        _allow(kept, "Egress", source, target, destination) and _allow(kept, "Ingress", target, source, destination)
    )


def side_allows(policies: Iterable[Policy], direction: str, own: Endpoint, other: Endpoint, to: tuple[int, str]) -> bool:
    """Return whether one end alone allows a connection: `Egress`, that `own` opens it to `other`; `Ingress`, that it accepts it.

    Args:
        policies: the policies in force.
        direction: which end `own` is.
        own: the end whose policies count.
        other: the other end.
        to: port and protocol of the target.
    """
    target = other if direction == "Egress" else own
    return _allow(tuple(policies), direction, own, other, _Destination(target, *to))


class _Destination(NamedTuple):
    """The port that a connection is opened to."""

    endpoint: Endpoint
    port: int
    protocol: str


def selector_matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector matches these labels; an empty one matches all."""
    kept = selector or {}
    return (kept.get("matchLabels") or {}).items() <= labels.items() and all(
        _meets(labels, rule["key"], rule["operator"], rule.get("values") or ()) for rule in kept.get("matchExpressions") or ()
    )


def _meets(labels: Mapping[str, str], key: str, operator: str, values: Iterable[str]) -> bool:
    exists = key in labels
    results = {"Exists": exists, "DoesNotExist": not exists, "In": exists and labels[key] in values}
    return not (exists and labels[key] in values) if operator == "NotIn" else results[operator]


def _allow(policies: Iterable[Policy], direction: str, own: Endpoint, other: Endpoint, destination: _Destination) -> bool:
    """Return whether the policies of one end allow the other. Without a policy for the direction all is allowed; rules only add."""
    applying = [policy for policy in policies if direction in policy.directions and policy.selects(own)]
    rules, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    return not applying or any(
        _any_peer_is(policy, rule.get(peers), other) and _any_port_is(rule.get("ports"), destination)
        for policy in applying
        for rule in policy.spec.get(rules) or ()
    )


def _any_peer_is(policy: Policy, peers: Iterable[Mapping[str, Any]] | None, endpoint: Endpoint) -> bool:
    return not peers or any(_peer_is(policy, peer, endpoint) for peer in peers)


def _peer_is(policy: Policy, peer: Mapping[str, Any], endpoint: Endpoint) -> bool:
    if block := peer.get("ipBlock"):
        return _within(endpoint.ip, block["cidr"]) and not any(_within(endpoint.ip, hole) for hole in block.get("except") or ())
    if not endpoint.namespace:
        return False
    selector, name = peer.get("namespaceSelector"), endpoint.namespace
    same = name == policy.namespace if selector is None else selector_matches(selector, {NAME_LABEL: name, **endpoint.namespace_labels})
    return same and selector_matches(peer.get("podSelector"), endpoint.labels)


def _within(ip: str, cidr: str) -> bool:
    return bool(ip) and ip_address(ip) in ip_network(cidr, strict=False)


def _any_port_is(ports: Iterable[Mapping[str, Any]] | None, destination: _Destination) -> bool:
    return not ports or any(entry.get("protocol", "TCP") == destination.protocol and _port_is(entry, destination) for entry in ports)


def _port_is(entry: Mapping[str, Any], destination: _Destination) -> bool:
    """Return whether a rule's port is the destination's. A named port is the one of that name in the target pod."""
    first = entry.get("port")
    if isinstance(first, str):
        return destination.endpoint.ports.get((first, destination.protocol)) == destination.port
    return first is None or first <= destination.port <= entry.get("endPort", first)
