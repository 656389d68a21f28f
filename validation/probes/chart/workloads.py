"""What runs: the pods that a chart's manifests ask for, and what their containers are given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from validation.probes.chart.manifests import Manifest

POD_OF = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Where each kind keeps its pod."""
LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose pods run until they are stopped: those that need probes."""
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable, as it is declared.

    Attributes:
        value: the text, if it is in the manifest.
        secret: name and key of the Secret that it comes from.
        field: the path of the pod's own field that it comes from.
    """

    value: str | None = None
    secret: tuple[str, str] | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Security:
    """What a container is allowed, after the pod's context was overlaid with its own; None is "not declared"."""

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
        name, image: what it is.
        init: whether it runs before the others.
        env: its variables by name.
        security: what it is allowed.
        probes: those of `PROBES` that it declares.
        resources: requests and limits as declared.
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
    """One manifest that makes pods.

    Attributes:
        manifest: the object.
        pod: the pod's spec.
        containers: its containers, init containers first.
    """

    manifest: Manifest
    pod: Mapping[str, Any]
    containers: tuple[Container, ...]

    @property
    def long_running(self) -> bool:
        """Whether its pods run until they are stopped."""
        return self.manifest.kind in LONG_RUNNING


def workloads(manifests: Iterable[Manifest]) -> tuple[Workload, ...]:
    """Pick what makes pods, and read it."""
    return tuple(_workload(manifest) for manifest in manifests if manifest.kind in POD_OF)


CONFINED = {"non-root": True, "read-only root": True, "escalation": False, "privileged": False, "dropped": ["ALL"], "added": [],
            "seccomp": "RuntimeDefault", "service-account token": False, "host": []}  # fmt: skip
"""What Pod Security `restricted` demands of every container, and a read-only root beside it."""


def confinement(workload: Workload, container: Container) -> dict[str, Any]:
    """Give what a container declares, in the words of `CONFINED`."""
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
    for key in POD_OF[manifest.kind]:
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
