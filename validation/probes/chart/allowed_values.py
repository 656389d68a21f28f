"""Check fields whose allowed values no published schema lists. Kubernetes and Helm reject or ignore any other value."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from validation.probes.chart.manifests import Manifest

QUANTITY = r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?"
HOOK = "pre-install|post-install|pre-upgrade|post-upgrade|pre-rollback|post-rollback|pre-delete|post-delete|test"
DELETION = "before-hook-creation|hook-succeeded|hook-failed"

ALLOWED: Mapping[str, re.Pattern[str]] = {
    key: re.compile(pattern)
    for key, pattern in {
        "restartPolicy": "Always|OnFailure|Never",
        "imagePullPolicy": "Always|IfNotPresent|Never",
        "protocol": "TCP|UDP|SCTP",
        "policyTypes": "Ingress|Egress",
        "pathType": "Prefix|Exact|ImplementationSpecific",
        "whenUnsatisfiable": "DoNotSchedule|ScheduleAnyway",
        "topologyKey": r"kubernetes\.io/hostname|topology\.kubernetes\.io/(zone|region)",
        "accessModes": "ReadWriteOnce|ReadWriteOncePod|ReadOnlyMany|ReadWriteMany",
        "fsGroupChangePolicy": "Always|OnRootMismatch",
        "clusterIP": "None",
        "helm.sh/hook": f"({HOOK})(,({HOOK}))*",
        "helm.sh/hook-delete-policy": f"({DELETION})(,({DELETION}))*",
        "helm.sh/resource-policy": "keep",
        **dict.fromkeys((f"pod-security.kubernetes.io/{mode}" for mode in ("enforce", "warn", "audit")), "privileged|baseline|restricted"),
        "pod-security.kubernetes.io/enforce-version": r"latest|v1\.[0-9]+",
        **dict.fromkeys(("cpu", "memory", "ephemeral-storage", "storage", "sizeLimit"), QUANTITY),
    }.items()
}
"""Allowed values of a key, wherever it occurs."""
ALLOWED_IN_KIND: Mapping[tuple[str, str], re.Pattern[str]] = {
    (kind, path): re.compile(pattern)
    for kind, path, pattern in (
        ("Job", "spec.template.spec.restartPolicy", "OnFailure|Never"),
        ("Service", "spec.type", "ClusterIP|NodePort|LoadBalancer"),
        ("Secret", "type", "Opaque"),
        ("Ingress", "spec.rules.http.paths.path", "/"),  # the API serves several paths
        ("HorizontalPodAutoscaler", "spec.metrics.type", "Resource"),
        ("HorizontalPodAutoscaler", "spec.metrics.resource.name", "cpu|memory"),
        ("HorizontalPodAutoscaler", "spec.metrics.resource.target.type", "Utilization|AverageValue"),
    )
}
"""Allowed values at one path of one kind."""


class FieldValue(NamedTuple):
    """The value of a field, and whether it is allowed."""

    location: str
    value: str
    allowed: bool


def field_values(manifests: Iterable[Manifest]) -> tuple[FieldValue, ...]:
    """Return every field whose allowed values are known."""
    return tuple(found for manifest in manifests for found in _fields(manifest.body, manifest, ""))


def _fields(value: Any, manifest: Manifest, path: str) -> Iterator[FieldValue]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            at = f"{path}.{key}".lstrip(".")
            pattern = ALLOWED_IN_KIND.get((manifest.kind, at)) or ALLOWED.get(key)
            if pattern and not isinstance(entry, Mapping):
                values = [str(one) for one in (entry if isinstance(entry, list) else [entry])]
                yield from (FieldValue(f"{manifest.kind} {manifest.name} {at}", one, bool(pattern.fullmatch(one))) for one in values)
            else:
                yield from _fields(entry, manifest, at)
    elif isinstance(value, list):
        for entry in value:
            yield from _fields(entry, manifest, path)
