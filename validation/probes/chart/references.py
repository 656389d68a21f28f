"""What the objects of a rendering name, and whether it is there: a name that leads nowhere is valid YAML, and nobody's votes arrive."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from validation.policies.evaluator import selected
from validation.probes.chart.manifests import Manifest

WITH_PODS = ("Deployment", "StatefulSet", "Job", "Pod")
APPS = "apps/v1"
"""The API of what is scaled."""
ADDRESS = re.compile(r"(?<![\w.-])(?P<name>[a-z0-9-]+)\.(?P<space>[a-z0-9-]+)\.svc(?:\.cluster\.local)?(?::(?P<port>\d+))?(?![\w-])")
"""A Service by its name inside the cluster."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in one object that stands for something else.

    Attributes:
        source: the object that names it.
        what: the thing that is named, with its kind and namespace.
        there: whether it is.
    """

    source: str
    target: str
    exists: bool


@dataclass(frozen=True)
class Rendering:
    """All objects of a rendering.

    Args:
        manifests: the objects.
        external: names of Secrets that somebody else provides.
    """

    manifests: Sequence[Manifest]
    external: frozenset[str] = frozenset()

    def references(self) -> tuple[Reference, ...]:
        """List everything that is named somewhere."""
        return tuple(one for manifest in self.manifests for one in self._of(manifest))

    @cached_property
    def _spaces(self) -> set[str]:
        return {one.namespace for one in self.manifests if one.namespace}

    def _of(self, manifest: Manifest) -> Iterator[Reference]:
        told = f"{manifest.kind} {manifest.name}"
        for service, space, number in _addresses(manifest.body):
            if space in self._spaces:
                yield Reference(told, f"Service {service} in {space}, port {number or 'any'}", self.serves(space, service, number))
        for read in READ.get(manifest.kind, ()):
            yield from read(self, manifest, told)

    def secret(self, told: str, space: str, entry: Mapping[str, Any]) -> Reference:
        """Look for a key of a Secret, which may be somebody else's."""
        name, key = entry.get("name"), entry.get("key")
        there = name in self.external or any(
            key in {**(one.body.get("data") or {}), **(one.body.get("stringData") or {})} for one in self._named(space, "Secret", name)
        )
        return Reference(told, f"{key} of Secret {name}", there)

    def pods(self, space: str, selector: Mapping[str, Any] | None) -> list[Any]:
        """List the templates of the pods in a namespace that a selector finds."""
        every = [_template(one) for one in self.manifests if one.kind in WITH_PODS and one.namespace == space]
        return [pod for pod in every if selected(selector, pod["metadata"].get("labels") or {})]

    def _named(self, space: str, kind: str, name: str | None) -> list[Manifest]:
        return [one for one in self.manifests if (one.namespace, one.kind, one.name) == (space, kind, name)]

    def has(self, space: str, kind: str, name: str | None) -> bool:
        """Tell whether there is such an object."""
        return bool(self._named(space, kind, name))

    def serves(self, space: str, name: str | None, port: int | str | None) -> bool:
        """Tell whether there is a Service with such a port, by number or name; None: any."""
        known = [one for found in self._named(space, "Service", name) for one in found.body["spec"].get("ports") or ()]
        return any(port is None or port in {one.get("port"), one.get("name")} for one in known)


def _of_selector(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    selector = manifest.body["spec"].get("selector")
    yield Reference(told, f"pods of {selector}", bool(selector) and bool(rendering.pods(manifest.namespace, selector)))


def _of_set(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    name = manifest.body["spec"].get("serviceName")
    yield Reference(told, f"Service {name}", rendering.has(manifest.namespace, "Service", name))


def _of_scaler(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    target = manifest.body["spec"].get("scaleTargetRef") or {}
    kind = target.get("kind", "Deployment")
    of = target.get("apiVersion", APPS if manifest.kind == "ScaledObject" else "")  # KEDA takes that when it is told none
    there = of == APPS and rendering.has(manifest.namespace, kind, target.get("name"))
    yield Reference(told, f"{kind} {target.get('name')} of {of or 'no API'}", there)
    for trigger in manifest.body["spec"].get("triggers") or ():
        name = (trigger.get("authenticationRef") or {}).get("name")
        yield Reference(told, f"TriggerAuthentication {name}", rendering.has(manifest.namespace, "TriggerAuthentication", name))


def _of_authentication(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    for entry in manifest.body["spec"].get("secretTargetRef") or ():
        yield rendering.secret(told, manifest.namespace, entry)


def _of_route(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    backends = list(_backends(manifest.body["spec"])) or [(None, None)]  # a route that leads nowhere is none
    for name, port in backends:
        there = port is not None and rendering.serves(manifest.namespace, name, port)
        yield Reference(told, f"Service {name}, port {port}", there)


def _of_pod(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    pod = _template(manifest)["spec"]
    claims = (manifest.body["spec"].get("volumeClaimTemplates") or ()) if manifest.kind == "StatefulSet" else ()
    volumes = {one["name"] for one in pod.get("volumes") or ()} | {one["metadata"]["name"] for one in claims}
    for container in [*(pod.get("initContainers") or ()), *pod["containers"]]:
        for mount in container.get("volumeMounts") or ():
            yield Reference(told, f"volume {mount.get('name')}", mount.get("name") in volumes)
        for variable in container.get("env") or ():
            if entry := (variable.get("valueFrom") or {}).get("secretKeyRef"):
                yield rendering.secret(told, manifest.namespace, entry)
        ports = _ports([container])
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = (container.get(probe) or {}).get("httpGet") or (container.get(probe) or {}).get("tcpSocket")
            if asked:
                yield Reference(told, f"port {asked.get('port')} for its {probe}", asked.get("port") in ports)


def _of_service(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    spec = manifest.body["spec"]
    pods = rendering.pods(manifest.namespace, {"matchLabels": spec.get("selector") or {"": ""}})
    yield Reference(told, f"pods of {spec.get('selector')}", bool(pods))
    for port in spec.get("ports") or ():
        target = port.get("targetPort", port.get("port"))
        yield Reference(told, f"port {target} of its pods", all(target in _ports(pod["spec"]["containers"]) for pod in pods))


def _of_monitor(rendering: Rendering, manifest: Manifest, told: str) -> Iterator[Reference]:
    spec = manifest.body["spec"]
    for space in (spec.get("namespaceSelector") or {}).get("matchNames") or [manifest.namespace]:
        pods = rendering.pods(space, spec.get("selector"))
        yield Reference(told, f"pods of {spec.get('selector')} in {space}", bool(pods))
        for end in spec.get("podMetricsEndpoints") or ():
            yield Reference(told, f"port {end.get('port')}", any(end.get("port") in _ports(pod["spec"]["containers"]) for pod in pods))


def _template(manifest: Manifest) -> Any:
    return manifest.body if manifest.kind == "Pod" else manifest.body["spec"]["template"]


def _ports(containers: Iterable[Mapping[str, Any]]) -> set[Any]:
    found = [port for container in containers for port in container.get("ports") or ()]
    return {port.get("containerPort") for port in found} | {port.get("name") for port in found}


def _backends(spec: Mapping[str, Any]) -> Iterator[tuple[str | None, int | str | None]]:
    """Give the Services, and their ports, that an Ingress or an HTTPRoute leads to."""
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            service = path["backend"].get("service") or {}
            port = service.get("port") or {}
            yield service.get("name"), port.get("number", port.get("name"))
        for backend in rule.get("backendRefs") or ():
            yield backend.get("name"), backend.get("port")


def _addresses(value: Any) -> Iterator[tuple[str, str, int | None]]:
    """Give the addresses of Services in all texts of an object, those of its Secrets' entries, too: name, namespace, port."""
    if isinstance(value, str):
        for found in ADDRESS.finditer(value):
            yield found["name"], found["space"], int(found["port"]) if found["port"] else None
    elif isinstance(value, Mapping):
        secret = value.get("kind") == "Secret"
        for name, entry in value.items():
            decoded = [base64.b64decode(text).decode(errors="replace") for text in entry.values()] if secret and name == "data" else entry
            yield from _addresses(decoded)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _addresses(entry)


Read = Callable[[Rendering, Manifest, str], Iterator[Reference]]
READ: dict[str, tuple[Read, ...]] = {
    "Deployment": (_of_pod, _of_selector),
    "StatefulSet": (_of_pod, _of_selector, _of_set),
    "Job": (_of_pod,),
    "Pod": (_of_pod,),
    "PodDisruptionBudget": (_of_selector,),
    "Service": (_of_service,),
    "Ingress": (_of_route,),
    "HTTPRoute": (_of_route,),
    "HorizontalPodAutoscaler": (_of_scaler,),
    "ScaledObject": (_of_scaler,),
    "TriggerAuthentication": (_of_authentication,),
    "PodMonitor": (_of_monitor,),
}
"""What is read of each kind, beside the addresses in its texts."""
