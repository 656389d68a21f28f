"""Order in which Helm, Flux and Argo CD apply a rendered chart, and which objects would wait for something that comes later.

Flux runs Helm, so hooks work as in Helm. Argo CD renders the chart and applies it in phases and waves of its own:
https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-hooks and .../sync-waves/
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import Container, workloads

HELM_HOOK, HELM_WEIGHT, HELM_DELETION = "helm.sh/hook", "helm.sh/hook-weight", "helm.sh/hook-delete-policy"
ARGO_HOOK, ARGO_WAVE, ARGO_DELETION = (f"argocd.argoproj.io/{name}" for name in ("hook", "sync-wave", "hook-delete-policy"))
PHASES: Mapping[str, str] = {"pre-install": "PreSync", "pre-upgrade": "PreSync", "post-install": "PostSync", "post-upgrade": "PostSync"}
"""Argo CD's phase for each hook of Helm; it ignores the others."""
ORDER = ("PreSync", "Sync", "PostSync")
INSTALL, UPGRADE, SYNC = "Helm or Flux, installation", "Helm or Flux, upgrade", "Argo CD, sync"
TOOLS = (INSTALL, UPGRADE, SYNC)
MIGRATION = ("Job", "voting-migrate")
STORES = {"REDIS_URL": "redis", "DATABASE_URL": "postgres"}
"""Variable with the URL of a server → the StatefulSet that runs it."""
TARGETS = ("HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget", "Ingress", "HTTPRoute")
"""Kinds that are healthy only once the workload in their namespace is."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Objects that a tool applies together. The next stage begins once all of them are healthy or, for a hook, done."""

    name: str
    manifests: tuple[Manifest, ...]


def stages(manifests: Sequence[Manifest], tool: str) -> tuple[Stage, ...]:
    """Return the stages of one of `TOOLS`, in order, without empty ones."""
    found: dict[tuple[int, int, str], list[Manifest]] = {}
    for manifest in manifests:
        for key in _argo(manifest) if tool == SYNC else _helm(manifest, "install" if tool == INSTALL else "upgrade"):
            found.setdefault(key, []).append(manifest)
    return tuple(Stage(key[2], tuple(found[key])) for key in sorted(found))


def waits_for_later(manifests: Sequence[Manifest], tool: str) -> tuple[str, ...]:
    """Return each object that can become healthy only after an object of a later stage: the tool would wait for ever."""
    order = stages(manifests, tool)
    at = {id(one): index for index, stage in reversed([*enumerate(order)]) for one in stage.manifests}
    present = {id(one) for one in manifests if tool == UPGRADE and not _is_hook(one)}  # the previous revision has created it
    return tuple(
        f"{_name(manifest)} ({stage.name}) needs {_name(need)} ({order[at[id(need)]].name})"
        for index, stage in enumerate(order)
        for manifest in stage.manifests
        for need in _needs(manifest, manifests)
        if id(need) not in present and at.get(id(need), index) > index
    )


def ahead_of_migration(manifests: Sequence[Manifest], tool: str) -> tuple[str, ...]:
    """Return the Deployments that are not applied after a migration: new code would run on an old schema."""
    migrated = False
    early = []
    for stage in stages(manifests, tool):
        early += [_name(one) for one in stage.manifests if one.kind == "Deployment" and not migrated]
        migrated |= any((one.kind, one.name) == MIGRATION for one in stage.manifests)
    return tuple(early)


def endless_hooks(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """Return the hooks that may run for ever, or that cannot be applied a second time because a Job is immutable."""
    found = []
    for manifest in filter(_is_hook, manifests):
        annotations = _annotations(manifest)
        if not manifest.body["spec"].get("activeDeadlineSeconds"):
            found.append(f"{_name(manifest)} has no deadline")
        if "before-hook-creation" not in annotations.get(HELM_DELETION, "before-hook-creation"):
            found.append(f"{_name(manifest)} is not deleted before Helm creates it again")
        if ARGO_DELETION in annotations and "BeforeHookCreation" not in annotations[ARGO_DELETION]:
            found.append(f"{_name(manifest)} is not deleted before Argo CD creates it again")
    return tuple(found)


def _helm(manifest: Manifest, operation: str) -> Iterator[tuple[int, int, str]]:
    events = _words(manifest, HELM_HOOK)
    if not events:
        yield 1, 0, "objects"
    for place, event in ((0, f"pre-{operation}"), (2, f"post-{operation}")):
        if event in events:
            yield place, int(_annotations(manifest).get(HELM_WEIGHT, "0")), event


def _argo(manifest: Manifest) -> Iterator[tuple[int, int, str]]:
    own, annotations = _words(manifest, ARGO_HOOK), _annotations(manifest)
    wave = int(annotations.get(ARGO_WAVE, annotations.get(HELM_WEIGHT, "0")))
    phases = own or {PHASES.get(event, "ignored") for event in _words(manifest, HELM_HOOK)} or {"Sync"}
    for phase in phases & set(ORDER):
        yield ORDER.index(phase), wave, f"{phase}, wave {wave}"


def _needs(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[Manifest]:
    """Yield the objects of the chart without which an object does not become healthy."""
    wanted = {("Namespace", "", manifest.namespace)}
    if manifest.kind in TARGETS:
        wanted |= {("Deployment", manifest.namespace, one.name) for one in manifests if one.kind == "Deployment"}
    for workload in workloads([manifest]):
        wanted |= {("NetworkPolicy", manifest.namespace, one.name) for one in manifests if one.kind == "NetworkPolicy"}
        for container in workload.containers:
            wanted |= set(_needs_of_container(container, manifest, manifests))
    yield from (one for one in manifests if (one.kind, one.namespace, one.name) in wanted and one is not manifest)


def _needs_of_container(container: Container, manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[tuple[str, str, str]]:
    for name, variable in container.env.items():
        if variable.secret:
            yield "Secret", manifest.namespace, variable.secret[0]
        if name in STORES:
            yield from ((one.kind, one.namespace, one.name) for one in manifests if one.name == STORES[name])


def _is_hook(manifest: Manifest) -> bool:
    return bool(_words(manifest, HELM_HOOK) or _words(manifest, ARGO_HOOK))


def _annotations(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.body["metadata"].get("annotations") or {}


def _words(manifest: Manifest, annotation: str) -> set[str]:
    return set(filter(None, str(_annotations(manifest).get(annotation, "")).split(",")))


def _name(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}"
