"""Resolve references between the objects of a rendered chart. A dangling reference is valid YAML, and then no vote arrives."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from validation.core.collections import every
from validation.policies.evaluator import selector_matches
from validation.probes.chart.manifests import Manifest

WITH_PODS = ("Deployment", "StatefulSet", "Job", "Pod")
APPS = "apps/v1"
"""API version of the objects that a scaler can target."""
ADDRESS = re.compile(r"(?<![\w.-])(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc(?:\.cluster\.local)?(?::(?P<port>\d+))?(?![\w-])")
"""DNS name of a Service inside the cluster."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference from one object to another, or to a part of it.

    Attributes:
        source: the referring object.
        target: kind, name and namespace or port of what it refers to.
        exists: whether the target exists.
    """

    source: str
    target: str
    exists: bool


@dataclass(frozen=True)
class Rendering:
    """All objects of a rendered chart.

    Args:
        manifests: the objects.
        external: names of Secrets that exist outside the chart.
    """

    manifests: Sequence[Manifest]
    external: frozenset[str] = frozenset()

    def references(self) -> tuple[Reference, ...]:
        """Return every reference in every object."""
        return tuple(one for manifest in self.manifests for one in self._references_of(manifest))

    @cached_property
    def _namespaces(self) -> set[str]:
        return {one.namespace for one in self.manifests if one.namespace}

    def _references_of(self, manifest: Manifest) -> Iterator[Reference]:
        source = f"{manifest.kind} {manifest.name}"
        for service, namespace, number in _addresses(manifest.body):
            if namespace in self._namespaces:
                yield Reference(
                    source, f"Service {service} in {namespace}, port {number or 'any'}", self.serves(namespace, service, number)
                )
        for reader in READERS.get(manifest.kind, ()):
            yield from reader(self, manifest, source)

    def secret(self, source: str, namespace: str, entry: Mapping[str, Any]) -> Reference:
        """Return the reference to a key of a Secret, which may be external."""
        name, key = entry.get("name"), entry.get("key")
        exists = name in self.external or any(
            key in {**(one.body.get("data") or {}), **(one.body.get("stringData") or {})} for one in self._named(namespace, "Secret", name)
        )
        return Reference(source, f"{key} of Secret {name}", exists)

    def pods(self, namespace: str, selector: Mapping[str, Any] | None) -> list[Any]:
        """Return the pod templates in a namespace that match a selector."""
        templates = [_template(one) for one in self.manifests if one.kind in WITH_PODS and one.namespace == namespace]
        return [pod for pod in templates if selector_matches(selector, pod["metadata"].get("labels") or {})]

    def _named(self, namespace: str, kind: str, name: str | None) -> list[Manifest]:
        return [one for one in self.manifests if (one.namespace, one.kind, one.name) == (namespace, kind, name)]

    def has(self, namespace: str, kind: str, name: str | None) -> bool:
        """Return whether the object exists."""
        return bool(self._named(namespace, kind, name))

    def serves(self, namespace: str, name: str | None, port: int | str | None) -> bool:
        """Return whether a Service has a port, given by number or name. None matches any port."""
        ports = [one for found in self._named(namespace, "Service", name) for one in found.body["spec"].get("ports") or ()]
        return any(port is None or port in {one.get("port"), one.get("name")} for one in ports)


def _selector_references(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    selector = manifest.body["spec"].get("selector")
    yield Reference(source, f"pods of {selector}", bool(selector) and bool(rendering.pods(manifest.namespace, selector)))


def _service_name_reference(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    name = manifest.body["spec"].get("serviceName")
    yield Reference(source, f"Service {name}", rendering.has(manifest.namespace, "Service", name))


def _scaler_references(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    target = manifest.body["spec"].get("scaleTargetRef") or {}
    kind = target.get("kind", "Deployment")
    api = target.get("apiVersion", APPS if manifest.kind == "ScaledObject" else "")  # KEDA's default
    exists = api == APPS and rendering.has(manifest.namespace, kind, target.get("name"))
    yield Reference(source, f"{kind} {target.get('name')} of {api or 'no API'}", exists)
    for trigger in manifest.body["spec"].get("triggers") or ():
        name = (trigger.get("authenticationRef") or {}).get("name")
        yield Reference(source, f"TriggerAuthentication {name}", rendering.has(manifest.namespace, "TriggerAuthentication", name))


def _authentication_references(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    for entry in manifest.body["spec"].get("secretTargetRef") or ():
        yield rendering.secret(source, manifest.namespace, entry)


def _route_references(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    backends = list(_backends(manifest.body["spec"])) or [(None, None)]  # a route without a backend leads nowhere
    for name, port in backends:
        exists = port is not None and rendering.serves(manifest.namespace, name, port)
        yield Reference(source, f"Service {name}, port {port}", exists)


def _pod_references(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    pod = _template(manifest)["spec"]
    claims = (manifest.body["spec"].get("volumeClaimTemplates") or ()) if manifest.kind == "StatefulSet" else ()
    volumes = {one["name"] for one in pod.get("volumes") or ()} | {one["metadata"]["name"] for one in claims}
    for container in [*(pod.get("initContainers") or ()), *pod["containers"]]:
        for mount in container.get("volumeMounts") or ():
            yield Reference(source, f"volume {mount.get('name')}", mount.get("name") in volumes)
        for variable in container.get("env") or ():
            if entry := (variable.get("valueFrom") or {}).get("secretKeyRef"):
                yield rendering.secret(source, manifest.namespace, entry)
        ports = _ports([container])
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            action = (container.get(probe) or {}).get("httpGet") or (container.get(probe) or {}).get("tcpSocket")
            if action:
                yield Reference(source, f"port {action.get('port')} for its {probe}", action.get("port") in ports)


def _service_references(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    spec = manifest.body["spec"]
    pods = rendering.pods(manifest.namespace, {"matchLabels": spec.get("selector") or {"": ""}})
    yield Reference(source, f"pods of {spec.get('selector')}", bool(pods))
    for port in spec.get("ports") or ():
        target = port.get("targetPort", port.get("port"))
        yield Reference(source, f"port {target} of its pods", every(target in _ports(pod["spec"]["containers"]) for pod in pods))


def _monitor_references(rendering: Rendering, manifest: Manifest, source: str) -> Iterator[Reference]:
    spec = manifest.body["spec"]
    for namespace in (spec.get("namespaceSelector") or {}).get("matchNames") or [manifest.namespace]:
        pods = rendering.pods(namespace, spec.get("selector"))
        yield Reference(source, f"pods of {spec.get('selector')} in {namespace}", bool(pods))
        for end in spec.get("podMetricsEndpoints") or ():
            yield Reference(source, f"port {end.get('port')}", any(end.get("port") in _ports(pod["spec"]["containers"]) for pod in pods))


def _template(manifest: Manifest) -> Any:
    return manifest.body if manifest.kind == "Pod" else manifest.body["spec"]["template"]


def _ports(containers: Iterable[Mapping[str, Any]]) -> set[Any]:
    found = [port for container in containers for port in container.get("ports") or ()]
    return {port.get("containerPort") for port in found} | {port.get("name") for port in found}


def _backends(spec: Mapping[str, Any]) -> Iterator[tuple[str | None, int | str | None]]:
    """Return the Services and ports that an Ingress or HTTPRoute routes to."""
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            service = path["backend"].get("service") or {}
            port = service.get("port") or {}
            yield service.get("name"), port.get("number", port.get("name"))
        for backend in rule.get("backendRefs") or ():
            yield backend.get("name"), backend.get("port")


def _addresses(value: Any) -> Iterator[tuple[str, str, int | None]]:
    """Return name, namespace and port of every Service address in an object's strings, including encoded entries of Secrets."""
    if isinstance(value, str):
        for found in ADDRESS.finditer(value):
            yield found["name"], found["namespace"], int(found["port"]) if found["port"] else None
    elif isinstance(value, Mapping):
        secret = value.get("kind") == "Secret"
        for name, entry in value.items():
            decoded = [base64.b64decode(text).decode(errors="replace") for text in entry.values()] if secret and name == "data" else entry
            yield from _addresses(decoded)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _addresses(entry)


Reader = Callable[[Rendering, Manifest, str], Iterator[Reference]]
READERS: dict[str, tuple[Reader, ...]] = {
    "Deployment": (_pod_references, _selector_references),
    "StatefulSet": (_pod_references, _selector_references, _service_name_reference),
    "Job": (_pod_references,),
    "Pod": (_pod_references,),
    "PodDisruptionBudget": (_selector_references,),
    "Service": (_service_references,),
    "Ingress": (_route_references,),
    "HTTPRoute": (_route_references,),
    "HorizontalPodAutoscaler": (_scaler_references,),
    "ScaledObject": (_scaler_references,),
    "TriggerAuthentication": (_authentication_references,),
    "PodMonitor": (_monitor_references,),
}
"""Readers of each kind's references, in addition to the Service addresses in its strings."""
