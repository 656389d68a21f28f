"""The declared connections, read from `declared.toml`, and the endpoints of a chart or cluster that they are compared with.

Declared, computed and observed connections are all sets of (source, destination), so that they can be compared.
"""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from validation.policies.evaluator import Endpoint, Policy, may_connect

FILE = Path(__file__).with_name("declared.toml")
Connection = tuple[str, str]
"""The names of a source and of a destination."""
Connections = frozenset[Connection]


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """Where an endpoint is, and the labels of a pod started in its place or the component whose pods it is."""

    at: str
    labels: str = ""
    pods: str = ""

    @property
    def needs_pod(self) -> bool:
        """Whether a run starts a pod in its place."""
        return not self.pods and self.at not in {"dns", "server"}


@dataclass(frozen=True, slots=True)
class Destination:
    """A port of an endpoint."""

    endpoint: str
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class DeclaredConnections:
    """The declared table.

    Attributes:
        endpoints: the spec of each endpoint, by name.
        destinations: the destinations, by name.
        allowed: source → the destinations that it may connect to.
        out_of_scope: connections that the release's policies do not decide.
    """

    endpoints: Mapping[str, EndpointSpec]
    destinations: Mapping[str, Destination]
    allowed: Mapping[str, Collection[str]]
    out_of_scope: Connections

    def allowed_among(self, connections: Connections) -> Connections:
        """Return which of these connections are declared as allowed."""
        return frozenset((source, destination) for source, destination in connections if destination in self.allowed[source])


@dataclass(frozen=True, slots=True)
class Topology:
    """The endpoints that exist in a chart or in a cluster.

    Attributes:
        endpoints: the endpoints, by name.
        ports: destination → its port, if it differs from the declared one.
    """

    endpoints: Mapping[str, Endpoint]
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def connections(self) -> Connections:
        """Every connection that could be opened between these endpoints, except from an endpoint to itself."""
        return frozenset(
            (source, name)
            for source in declared().allowed
            for name, destination in declared().destinations.items()
            if source != destination.endpoint and source in self.endpoints and destination.endpoint in self.endpoints
        )

    @property
    def in_scope(self) -> Connections:
        """The connections that the release's policies decide."""
        return self.connections - declared().out_of_scope

    def target(self, destination: str) -> tuple[Endpoint, int, str]:
        """Return endpoint, port and protocol of a destination."""
        found = declared().destinations[destination]
        return self.endpoints[found.endpoint], self.ports.get(destination, found.port), found.protocol

    def allowed_by(self, policies: Iterable[Policy]) -> Connections:
        """Return the connections that policies allow."""
        kept = tuple(policies)
        return frozenset(
            (source, destination)
            for source, destination in self.connections
            if may_connect(kept, self.endpoints[source], *self.target(destination))
        )


@cache
def declared() -> DeclaredConnections:
    """Read the declared table."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    out_of_scope = table["out_of_scope"]
    return DeclaredConnections(
        endpoints={name: EndpointSpec(**spec) for name, spec in table["endpoints"].items()},
        destinations={name: Destination(**destination) for name, destination in table["destinations"].items()},
        allowed=table["allowed"],
        out_of_scope=frozenset((source, name) for source in out_of_scope["sources"] for name in out_of_scope["destinations"]),
    )


def format_connections(connections: Iterable[Connection]) -> list[str]:
    """Return connections as text, sorted: `api → redis:6379`."""
    return sorted(f"{source} → {destination}" for source, destination in connections)


def format_table(connections: Iterable[Connection], allowed: Connections) -> str:
    """Return a table as text, one line for each source: where it may connect to, and where not."""
    kept = tuple(connections)
    lines = []
    for source in sorted({source for source, _ in kept}):
        names = sorted(destination for one, destination in kept if one == source)
        may = [name for name in names if (source, name) in allowed]
        denied = [name for name in names if name not in may]
        lines.append(f"{source} may connect to {', '.join(may) or 'nothing'}; denied: {', '.join(denied) or 'nothing'}")
    return "\n".join(lines)
