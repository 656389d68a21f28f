"""What each end of a connection allows on its own, for every pod of a release and everything around it, on every port.

A connection needs both ends. A policy that opens one end too far therefore changes nothing that a client could observe, until someone
opens the other end as well.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from validation.policies.evaluator import Endpoint, Policy, side_allows

PROTOCOLS = ("TCP", "UDP", "SCTP")
FIRST, LAST = 1, 65_535
ANY_PORT = "any port"
SIDES = {"Egress": "connections from", "Ingress": "connections to"}


def tables(policies: Sequence[Policy], inside: Collection[Endpoint], outside: Collection[Endpoint]) -> dict[str, dict[str, str]]:
    """Return, for each pod and direction, the peers and the ports that its own policies allow; no peer on no port.

    Args:
        policies: the policies in force.
        inside: the pods in the namespaces of the release.
        outside: whatever else could open or accept a connection.
    """
    ports = tuple(_tried(policies))
    found = {}
    for direction, side in SIDES.items():
        for own in inside:
            applying = [policy for policy in policies if policy.selects(own)]
            peers = {other.name: _allowed(applying, direction, own, other, ports) for other in (*inside, *outside) if other != own}
            found[f"{side} {own.name}"] = {name: allowed for name, allowed in peers.items() if allowed}
    return found


def _tried(policies: Iterable[Policy]) -> Iterator[int]:
    """Yield, in order, each port at which a decision of these policies can change."""
    named = {FIRST, LAST}
    for policy in policies:
        for rule in (*(policy.spec.get("ingress") or ()), *(policy.spec.get("egress") or ())):
            for entry in rule.get("ports") or ():
                named |= {number for key in ("port", "endPort") if isinstance(number := entry.get(key), int)}
    yield from sorted({port for number in named for port in (number, number + 1) if port <= LAST})


def _allowed(policies: Sequence[Policy], direction: str, own: Endpoint, other: Endpoint, ports: Sequence[int]) -> str:
    """Return the allowed ports as text, such as `TCP 53, UDP 53`; empty if there are none."""
    found = {protocol: [port for port in ports if side_allows(policies, direction, own, other, (port, protocol))] for protocol in PROTOCOLS}
    if all(len(allowed) == len(ports) for allowed in found.values()):
        return ANY_PORT
    return ", ".join(f"{protocol} {one}" for protocol, allowed in found.items() for one in _ranges(allowed, ports))


def _ranges(allowed: Sequence[int], ports: Sequence[int]) -> Iterator[str]:
    """Yield ports that follow one another among the tried ones as a range."""
    rows: list[list[int]] = []
    for port in allowed:
        if rows and ports.index(port) == ports.index(rows[-1][-1]) + 1:
            rows[-1].append(port)
        else:
            rows.append([port])
    yield from (str(row[0]) if len(row) == 1 else f"{row[0]}-{row[-1]}" for row in rows)
