"""Computes from network policies whether one end may open a connection to another, as the API of `networking.k8s.io/v1` says.

What runs on a node, and the node's own traffic to its pods, are outside of what policies decide. Addresses are compared as the far end
has them: a Service has been resolved to its pod before a policy looks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

NAME_LABEL = "kubernetes.io/metadata.name"
"""What every namespace carries."""


@dataclass(frozen=True, slots=True)
class End:
    """Something that opens connections or takes them.

    Attributes:
        name: what it is called in a table.
        namespace: the namespace of a pod; empty for what is no pod, which no selector finds.
        labels: the pod's labels.
        space: further labels of its namespace.
        ip: its address, where it is known; no ipBlock holds an unknown one.
        ports: the number of each of its named ports, by name and protocol.
    """

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    space: Mapping[str, str] = field(default_factory=dict)
    ip: str = ""
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """One NetworkPolicy: where it is, what it is called, and its spec as YAML has it."""

    namespace: str
    name: str
    spec: Mapping[str, Any]

    def __str__(self) -> str:
        """Name it as kubectl would."""
        return f"{self.namespace}/{self.name}"

    @property
    def directions(self) -> set[str]:
        """The directions that it isolates; without `policyTypes` Ingress, and Egress where there are rules for it."""
        return set(self.spec.get("policyTypes") or ["Ingress", *(["Egress"] if self.spec.get("egress") else [])])

    def selects(self, end: End) -> bool:
        """Tell whether it applies to a pod."""
        return self.namespace == end.namespace and selected(self.spec.get("podSelector"), end.labels)


def connects(policies: Iterable[Policy], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Tell whether `source` may open a connection to a port of `target`: both ends must let it through. A pod reaches itself."""
    kept, door = tuple(policies), _Door(target, port, protocol)
    return source == target or (_lets(kept, "Egress", source, target, door) and _lets(kept, "Ingress", target, source, door))


class _Door(NamedTuple):
    """What a connection is opened to."""

    end: End
    port: int
    protocol: str


def selected(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector finds these labels; an empty one finds all."""
    kept = selector or {}
    return (kept.get("matchLabels") or {}).items() <= labels.items() and all(
        _meets(labels, rule["key"], rule["operator"], rule.get("values") or ()) for rule in kept.get("matchExpressions") or ()
    )


def _meets(labels: Mapping[str, str], key: str, operator: str, values: Iterable[str]) -> bool:
    there = key in labels
    answers = {"Exists": there, "DoesNotExist": not there, "In": there and labels[key] in values}
    return not (there and labels[key] in values) if operator == "NotIn" else answers[operator]


def _lets(policies: Iterable[Policy], direction: str, own: End, other: End, door: _Door) -> bool:
    """Tell whether the policies of one end let the other through. Without a policy for the direction everything is; rules only add."""
    applying = [policy for policy in policies if direction in policy.directions and policy.selects(own)]
    rules, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    return not applying or any(
        _is_any(policy, rule.get(peers), other) and _has(rule.get("ports"), door)
        for policy in applying
        for rule in policy.spec.get(rules) or ()
    )


def _is_any(policy: Policy, peers: Iterable[Mapping[str, Any]] | None, end: End) -> bool:
    return not peers or any(_is(policy, peer, end) for peer in peers)


def _is(policy: Policy, peer: Mapping[str, Any], end: End) -> bool:
    if block := peer.get("ipBlock"):
        return _within(end.ip, block["cidr"]) and not any(_within(end.ip, hole) for hole in block.get("except") or ())
    if not end.namespace:
        return False
    spaces = peer.get("namespaceSelector")
    near = end.namespace == policy.namespace if spaces is None else selected(spaces, {NAME_LABEL: end.namespace, **end.space})
    return near and selected(peer.get("podSelector"), end.labels)


def _within(ip: str, cidr: str) -> bool:
    return bool(ip) and ip_address(ip) in ip_network(cidr, strict=False)


def _has(ports: Iterable[Mapping[str, Any]] | None, door: _Door) -> bool:
    return not ports or any(entry.get("protocol", "TCP") == door.protocol and _is_port(entry, door) for entry in ports)


def _is_port(entry: Mapping[str, Any], door: _Door) -> bool:
    """Tell whether one of a rule's ports is this one. A named port is what the pod that takes the connection calls so."""
    first = entry.get("port")
    if isinstance(first, str):
        return door.end.ports.get((first, door.protocol)) == door.port
    return first is None or first <= door.port <= entry.get("endPort", first)
