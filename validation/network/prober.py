"""Probe pods in the place of every declared endpoint that has no pod, and what they observe when they try to connect."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kubernetes.client import DiscoveryV1Api

from validation.core.errors import NotProven
from validation.core.protocol import LAYERS
from validation.network.pods import ProbePods, ProbeSession, pod_manifest
from validation.policies.declared import Connections, Topology, declared
from validation.policies.evaluator import Endpoint, Policy
from validation.probes.chart.network_policies import COMPONENT, DNS_LABELS, namespaces, pod_labels
from validation.targets.cleanup import LABEL
from validation.targets.cluster.access import REQUEST_SECONDS, api_call
from validation.targets.cluster.installation import LAYER_OF, Installation

FAR = "far"
"""The name of a pod in a second namespace that holds only probe pods."""
PROBE = "network-probe"
"""The component label of a probe pod with the release's labels: no Service and no Deployment selects it."""
DNS_PORTS = {"UDP": "dns", "TCP": "dns-tcp"}
"""The port names of DNS pods, by protocol."""
PROBE_PORTS = ((8000, "TCP"), (9000, "TCP"), (8000, "UDP"))
"""Ports that probe pods try on one another; they listen on all of them."""
Try = tuple[str, str, int, str]
"""A name, and the address, port and protocol to try."""


class Prober:
    """The probe pods of one run.

    Args:
        installed: the release whose network is observed. Probe pods run beside its own pods; nothing else is changed.
        run: the run's id.
    """

    def __init__(self, installed: Installation, run: str) -> None:
        self.installed, self.cluster, self.run = installed, installed.cluster, run
        self._values = installed.release.values()
        self._namespaces = namespaces(self._values) | {at: (f"votecheck-{run[-4:]}-{at}", {}) for at in ("elsewhere", FAR)}
        with api_call("the namespaces of the release"):
            owner = self.cluster.core.read_namespace(installed.namespace("frontend"), _request_timeout=REQUEST_SECONDS)
        self._probe_pods = ProbePods(self.cluster, run, owner)
        self._namespace_labels: dict[str, dict[str, str]] = {}
        self._pods: dict[str, Any] = {}
        self._sessions: dict[str, ProbeSession] = {}

    @property
    def namespaces(self) -> list[str]:
        """The four namespaces of the release."""
        return [self._namespaces[layer][0] for layer in LAYERS]

    @property
    def own_namespaces(self) -> list[str]:
        """The two namespaces that hold only probe pods."""
        return [self._namespaces[at][0] for at in ("elsewhere", FAR)]

    def start(self) -> None:
        """Start all probe pods, and wait until they run.

        Raises:
            ProbeError: some do not run.
            NotProven: a Service of the release would select one of them.
        """
        components = {component: self.installed.ready(component) for component in LAYER_OF}
        labels = {name: pods[0].metadata.labels for name, pods in components.items() if pods}
        image = components["api"][0].spec.containers[0].image if components["api"] else ""
        wanted = {name: spec for name, spec in declared().endpoints.items() if spec.needs_pod and spec.at in self._namespaces}
        for at in ("ingress", "elsewhere", FAR):
            if at in self._namespaces:
                self._probe_pods.create_namespace(*self._namespaces[at])
        own = {name: (spec.at, pod_labels(spec, labels), _ports(name)) for name, spec in wanted.items()} | {FAR: (FAR, {}, {8000, 9000})}
        for name, (at, carried, ports) in own.items():
            namespace = self._namespaces[at][0]
            marked = {**carried, "votecheck.endpoint": _slug(name)} | ({COMPONENT: PROBE} if carried and COMPONENT not in carried else {})
            if at not in {"elsewhere", FAR}:
                self._require_no_service(namespace, marked)
            self._probe_pods.create_pod(pod_manifest(_slug(name), namespace, marked, image, ports, self.run))
        self._read_namespace_labels()
        running = self._probe_pods.wait_running(len(own))
        self._pods = {name: running[_slug(name)] for name in own}
        self._sessions = {name: ProbeSession(self.cluster, self._namespaces[at][0], _slug(name)) for name, (at, _, _) in own.items()}

    def _require_no_service(self, namespace: str, labels: Mapping[str, str]) -> None:
        with api_call(f"the Services of {namespace}"):
            services = self.cluster.core.list_namespaced_service(namespace, _request_timeout=REQUEST_SECONDS).items
        for service in services:
            if service.spec.selector and service.spec.selector.items() <= labels.items():
                raise NotProven(f"Service {namespace}/{service.metadata.name} would route its clients to a network probe pod.")

    def topology(self) -> Topology:
        """Return every endpoint that exists now: probe pods, one pod of each component, a DNS pod, and the API server.

        Raises:
            NotProven: the cluster's DNS pods were not found.
        """
        self._read_namespace_labels()
        found = {name: self._endpoint(name, pod) for name, pod in self._pods.items()}
        address, port = self._server()
        dns = self._dns()
        ports = {}
        for name, spec in declared().endpoints.items():
            if spec.pods and (ready := self.installed.ready(spec.pods)):
                found[name] = self._endpoint(name, ready[0])
            elif spec.at == "dns":
                found[name] = self._endpoint(name, dns)
            elif spec.at == "server":
                found[name] = Endpoint(name, ip=address)
        for name, destination in declared().destinations.items():
            at = declared().endpoints[destination.endpoint].at
            if at == "server":
                ports[name] = port
            elif at == "dns":  # the Service listens on 53, its pods on a port of their choice
                named = DNS_PORTS[destination.protocol], destination.protocol
                ports[name] = found[destination.endpoint].ports.get(named, destination.port)
        return Topology(found, ports)

    def try_all(self, topology: Topology) -> Connections:
        """Try all connections at once, and return those that were allowed."""
        tries: dict[str, list[Try]] = {}
        for source, destination in sorted(topology.connections):
            endpoint, port, protocol = topology.target(destination)
            tries.setdefault(source, []).append((destination, endpoint.ip, port, protocol))
        return self._try(tries)

    def own_endpoints(self) -> list[Endpoint]:
        """Return the probe pods in the namespaces that hold only probe pods."""
        return [self._endpoint(name, pod) for name, pod in self._pods.items() if pod.metadata.namespace in self.own_namespaces]

    def try_between(self, endpoints: Iterable[Endpoint]) -> Connections:
        """Have probe pods try one another at `PROBE_PORTS`. Return allowed connections; a destination is a pod with port and protocol."""
        kept = list(endpoints)
        return self._try({
            near.name: [(f"{far.name}:{port}/{how}", far.ip, port, how) for far in kept if far != near for port, how in PROBE_PORTS]
            for near in kept
        })  # fmt: skip

    def _try(self, tries: Mapping[str, Iterable[Try]]) -> Connections:
        """Send the tries to the probe pods, and return the pairs of pod and try that were answered."""
        for name, wanted in tries.items():
            self._sessions[name].send(json.dumps(list(wanted)))
        return frozenset((name, answered) for name in tries for answered in json.loads(self._sessions[name].receive()))

    def control_policies(self) -> tuple[Policy, ...]:
        """Return policies for the release's namespaces that allow all connections of probe pods, and nothing else."""
        spec = {"podSelector": {"matchLabels": {LABEL: self.run}}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
        return tuple(Policy(namespace, "votecheck-control", spec) for namespace in self.namespaces)

    def close(self) -> list[str]:
        """End the sessions, delete pods and namespaces, and return what is left."""
        for session in self._sessions.values():
            session.close()
        return self._probe_pods.close()

    def _read_namespace_labels(self) -> None:
        self._namespace_labels = self.cluster.namespaces()

    def _endpoint(self, name: str, pod: Any) -> Endpoint:
        ports = {(port.name, port.protocol): port.container_port for c in pod.spec.containers for port in c.ports or () if port.name}
        namespace = pod.metadata.namespace
        return Endpoint(name, namespace, pod.metadata.labels or {}, self._namespace_labels[namespace], pod.status.pod_ip, ports)

    def _dns(self) -> Any:
        selector = ",".join(f"{key}={value}" for key, value in DNS_LABELS.items())
        with api_call("the DNS pods"):
            found = self.cluster.core.list_pod_for_all_namespaces(label_selector=selector, _request_timeout=REQUEST_SECONDS).items
        running = [pod for pod in found if pod.status.phase == "Running"]
        if not running:
            raise NotProven(f"No running DNS pod has the label {selector}.")
        return running[0]

    def _server(self) -> tuple[str, int]:
        with api_call("the address of the API server"):
            slices: Any = DiscoveryV1Api(self.cluster.core.api_client).list_namespaced_endpoint_slice(
                "default", label_selector="kubernetes.io/service-name=kubernetes", _request_timeout=REQUEST_SECONDS
            )
        found = slices.items[0]
        return found.endpoints[0].addresses[0], found.ports[0].port


def _ports(name: str) -> set[int]:
    return {8000, 9000, *(one.port for one in declared().destinations.values() if one.endpoint == name)}


def _slug(name: str) -> str:
    return "probe-" + name.lower().replace("'", "").replace(" ", "-")
