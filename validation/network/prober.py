"""Pods in the place of every row and of every column that nothing else stands for, and what they see when they try to connect."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kubernetes.client import DiscoveryV1Api

from validation.core.errors import NotProven
from validation.core.protocol import LAYERS
from validation.network.pods import Grounds, Session, manifest
from validation.policies.declared import Cells, Scene, truth
from validation.policies.evaluator import End, Policy
from validation.probes.chart.network_policies import COMPONENT, DNS_LABELS, namespaces, pod_labels
from validation.targets.cleanup import LABEL
from validation.targets.cluster.access import REQUEST_SECONDS, api_call
from validation.targets.cluster.installation import LAYER_OF, Installation

FAR = "far"
"""The name of a pod in a second namespace that is all the run's own."""
PROBE = "network-probe"
"""The component that a pod with the release's labels calls itself: no Service and no Deployment selects it."""
DNS_PORTS = {"UDP": "dns", "TCP": "dns-tcp"}
"""What DNS pods call their ports."""
DOORS = ((8000, "TCP"), (9000, "TCP"), (8000, "UDP"))
"""What every pod of the run listens on, and more."""
Try = tuple[str, str, int, str]
"""A name, and the address, port and protocol to try."""


class Prober:
    """The pods of one run.

    Args:
        installed: the release whose network is looked at. Pods are started beside its own, and nothing else is changed.
        run: the run's id.
    """

    def __init__(self, installed: Installation, run: str) -> None:
        self.installed, self.cluster, self.run = installed, installed.cluster, run
        self._values = installed.release.values()
        self._spaces = namespaces(self._values) | {at: (f"votecheck-{run[-4:]}-{at}", {}) for at in ("elsewhere", FAR)}
        with api_call("the namespaces of the release"):
            owner = self.cluster.core.read_namespace(installed.namespace("frontend"), _request_timeout=REQUEST_SECONDS)
        self._grounds = Grounds(self.cluster, run, owner)
        self._labels: dict[str, dict[str, str]] = {}
        self._pods: dict[str, Any] = {}
        self._sessions: dict[str, Session] = {}

    @property
    def namespaces(self) -> list[str]:
        """The four namespaces of the release."""
        return [self._spaces[layer][0] for layer in LAYERS]

    @property
    def own_namespaces(self) -> list[str]:
        """Two namespaces in which nothing but the run's pods is."""
        return [self._spaces[at][0] for at in ("elsewhere", FAR)]

    def start(self) -> None:
        """Start all pods, and wait until they run.

        Raises:
            ProbeError: they do not.
            NotProven: a Service would send its clients to one of them.
        """
        components = {component: self._component(component) for component in LAYER_OF}
        labels = {name: pods[0].metadata.labels for name, pods in components.items() if pods}
        image = components["api"][0].spec.containers[0].image if components["api"] else ""
        wanted = {name: kind for name, kind in truth().ends.items() if kind.started and kind.at in self._spaces}
        for at in ("ingress", "elsewhere", FAR):
            if at in self._spaces:
                self._grounds.space(*self._spaces[at])
        own = {name: (kind.at, pod_labels(kind, labels), _ports(name)) for name, kind in wanted.items()} | {FAR: (FAR, {}, {8000, 9000})}
        for name, (at, carried, ports) in own.items():
            namespace = self._spaces[at][0]
            marked = {**carried, "votecheck.end": _slug(name)} | ({COMPONENT: PROBE} if carried and COMPONENT not in carried else {})
            if at not in {"elsewhere", FAR}:
                self._not_served(namespace, marked)
            self._grounds.pod(manifest(_slug(name), namespace, marked, image, ports, self.run))
        self._look_at_spaces()
        running = self._grounds.running(len(own))
        self._pods = {name: running[_slug(name)] for name in own}
        self._sessions = {name: Session(self.cluster, self._spaces[at][0], _slug(name)) for name, (at, _, _) in own.items()}

    def _component(self, component: str) -> list[Any]:
        return self.installed.ready(component)

    def _not_served(self, namespace: str, labels: Mapping[str, str]) -> None:
        with api_call(f"the Services of {namespace}"):
            services = self.cluster.core.list_namespaced_service(namespace, _request_timeout=REQUEST_SECONDS).items
        for service in services:
            if service.spec.selector and service.spec.selector.items() <= labels.items():
                raise NotProven(f"Service {namespace}/{service.metadata.name} would send its clients to a pod that only tries the network.")

    def scene(self) -> Scene:
        """Give every end that there is now: the run's own pods, one pod of each component, DNS, and the API server.

        Raises:
            NotProven: the cluster's DNS pods are not found.
        """
        self._look_at_spaces()
        found = {name: self._end(name, pod) for name, pod in self._pods.items()}
        address, port = self._server()
        dns = self._dns()
        ports = {}
        for name, kind in truth().ends.items():
            if kind.pods and (ready := self._component(kind.pods)):
                found[name] = self._end(name, ready[0])
            elif kind.at == "dns":
                found[name] = self._end(name, dns)
            elif kind.at == "server":
                found[name] = End(name, ip=address)
        for name, column in truth().columns.items():
            if truth().ends[column.end].at == "server":
                ports[name] = port
            elif truth().ends[column.end].at == "dns":  # the Service listens on 53, and the pods where they like
                ports[name] = found[column.end].ports.get((DNS_PORTS[column.protocol], column.protocol), column.port)
        return Scene(found, ports)

    def look(self, scene: Scene) -> Cells:
        """Try all cells at once; give those that were open."""
        tries: dict[str, list[Try]] = {}
        for row, column in sorted(scene.cells):
            end, port, protocol = scene.door(column)
            tries.setdefault(row, []).append((column, end.ip, port, protocol))
        return self._try_all(tries)

    def own_ends(self) -> list[End]:
        """Give the pods that stand where nothing but the run's pods is."""
        return [self._end(name, pod) for name, pod in self._pods.items() if pod.metadata.namespace in self.own_namespaces]

    def look_around(self, ends: Iterable[End]) -> Cells:
        """Let some of the run's pods try one another at `DOORS`; give pairs of a pod, and of a pod with port and protocol."""
        kept = list(ends)
        return self._try_all({
            near.name: [(f"{far.name}:{port}/{how}", far.ip, port, how) for far in kept if far != near for port, how in DOORS]
            for near in kept
        })  # fmt: skip

    def _try_all(self, tries: Mapping[str, Iterable[Try]]) -> Cells:
        """Let pods try; give the pairs of a pod's name and a try's name that were answered."""
        for name, wanted in tries.items():
            self._sessions[name].send(json.dumps(list(wanted)))
        return frozenset((name, answered) for name in tries for answered in json.loads(self._sessions[name].receive()))

    def controls(self) -> tuple[Policy, ...]:
        """Write policies that let the run's own pods through, in the release's namespaces, and nothing else."""
        spec = {"podSelector": {"matchLabels": {LABEL: self.run}}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
        return tuple(Policy(namespace, "votecheck-control", spec) for namespace in self.namespaces)

    def close(self) -> list[str]:
        """Remove all; tell what is left."""
        for session in self._sessions.values():
            session.close()
        return self._grounds.close()

    def _look_at_spaces(self) -> None:
        self._labels = self.cluster.namespaces()

    def _end(self, name: str, pod: Any) -> End:
        ports = {(port.name, port.protocol): port.container_port for c in pod.spec.containers for port in c.ports or () if port.name}
        return End(name, pod.metadata.namespace, pod.metadata.labels or {}, self._labels[pod.metadata.namespace], pod.status.pod_ip, ports)

    def _dns(self) -> Any:
        selector = ",".join(f"{key}={value}" for key, value in DNS_LABELS.items())
        with api_call("the DNS pods"):
            found = self.cluster.core.list_pod_for_all_namespaces(label_selector=selector, _request_timeout=REQUEST_SECONDS).items
        running = [pod for pod in found if pod.status.phase == "Running"]
        if not running:
            raise NotProven(f"No DNS pod of the cluster is found by {selector}.")
        return running[0]

    def _server(self) -> tuple[str, int]:
        with api_call("the address of the API server"):
            slices: Any = DiscoveryV1Api(self.cluster.core.api_client).list_namespaced_endpoint_slice(
                "default", label_selector="kubernetes.io/service-name=kubernetes", _request_timeout=REQUEST_SECONDS
            )
        found = slices.items[0]
        return found.endpoints[0].addresses[0], found.ports[0].port


def _ports(name: str) -> set[int]:
    return {8000, 9000, *(column.port for column in truth().columns.values() if column.end == name)}


def _slug(name: str) -> str:
    return "probe-" + name.lower().replace("'", "").replace(" ", "-")
