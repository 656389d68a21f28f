"""Read the workloads of a chart: their pods, and the security context, variables, probes and resources of their containers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from validation.probes.chart.manifests import Manifest

POD_SPEC_PATH = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Path of the pod spec in each kind."""
LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose pods run until they are stopped. They need probes."""
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable, as declared.

    Attributes:
        value: the value, if the manifest states it.
        secret: name and key of the Secret that provides it.
        field: path of the pod field that provides it.
    """

    value: str | None = None
    secret: tuple[str, str] | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Security:
    """Security context of a container, merged over that of its pod. None means "not declared"."""

    run_as_user: int | None
    run_as_group: int | None
    run_as_non_root: bool | None
    seccomp: str | None
    read_only_root: bool | None
    escalation: bool | None
    privileged: bool | None
    dropped: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a workload.

    Attributes:
        name, image: its name and image.
        init: whether it is an init container.
        env: its variables, by name.
        security: its security context.
        probes: the declared ones of `PROBES`.
        resources: requests and limits, as declared.
        body: the whole declaration.
    """

    name: str
    image: str
    init: bool
    env: Mapping[str, Variable]
    security: Security
    probes: Mapping[str, Mapping[str, Any]]
    resources: Mapping[str, Mapping[str, Any]]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workload:
    """A manifest that creates pods.

    Attributes:
        manifest: the object.
        pod: the pod spec.
        containers: its containers, init containers first.
    """

    manifest: Manifest
    pod: Mapping[str, Any]
    containers: tuple[Container, ...]

    @property
    def long_running(self) -> bool:
        """Whether the pods run until they are stopped."""
        return self.manifest.kind in LONG_RUNNING


def workloads(manifests: Iterable[Manifest]) -> tuple[Workload, ...]:
    """Return the workloads among the manifests."""
    return tuple(_workload(manifest) for manifest in manifests if manifest.kind in POD_SPEC_PATH)


CONFINED = {"non-root": True, "read-only root": True, "escalation": False, "privileged": False, "dropped": ["ALL"], "added": [],
            "seccomp": "RuntimeDefault", "service-account token": False, "host": []}  # fmt: skip
"""What Pod Security `restricted` demands of every container, plus a read-only root file system."""


def confinement(workload: Workload, container: Container) -> dict[str, Any]:
    """Return the confinement that a container declares, with the keys of `CONFINED`."""
    security, pod = container.security, workload.pod
    return {
        "non-root": security.run_as_non_root,
        "read-only root": security.read_only_root,
        "escalation": security.escalation,
        "privileged": bool(security.privileged),
        "dropped": list(security.dropped),
        "added": list(security.added),
        "seccomp": security.seccomp,
        "service-account token": pod.get("automountServiceAccountToken"),
        "host": [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)],
    }


def _workload(manifest: Manifest) -> Workload:
    pod: Any = manifest.body
    for key in POD_SPEC_PATH[manifest.kind]:
        pod = pod.get(key) or {}
    containers = [
        _container(body, pod.get("securityContext") or {}, init=init)
        for key, init in (("initContainers", True), ("containers", False))
        for body in pod.get(key) or ()
    ]
    return Workload(manifest, pod, tuple(containers))


def _container(body: Mapping[str, Any], pod_context: Mapping[str, Any], *, init: bool) -> Container:
    context = {**pod_context, **(body.get("securityContext") or {})}
    capabilities = context.get("capabilities") or {}
    return Container(
        name=body.get("name", ""),
        image=body.get("image", ""),
        init=init,
        env={entry["name"]: _variable(entry) for entry in body.get("env") or ()},
        security=Security(
            run_as_user=context.get("runAsUser"),
            run_as_group=context.get("runAsGroup"),
            run_as_non_root=context.get("runAsNonRoot"),
            seccomp=(context.get("seccompProfile") or {}).get("type"),
            read_only_root=context.get("readOnlyRootFilesystem"),
            escalation=context.get("allowPrivilegeEscalation"),
            privileged=context.get("privileged"),
            dropped=tuple(capabilities.get("drop") or ()),
            added=tuple(capabilities.get("add") or ()),
        ),
        probes={name: body[name] for name in PROBES if body.get(name)},
        resources=body.get("resources") or {},
        body=body,
    )


def _variable(entry: Mapping[str, Any]) -> Variable:
    source = entry.get("valueFrom") or {}
    secret, field = source.get("secretKeyRef"), source.get("fieldRef")
    return Variable(
        value=entry.get("value"),
        secret=(secret["name"], secret["key"]) if secret else None,
        field=field["fieldPath"] if field else None,
    )
