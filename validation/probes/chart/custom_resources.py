"""Validate custom resources of KEDA, the Gateway API and the Prometheus Operator.

A cluster silently drops fields that a custom resource definition does not know. The schemas here are therefore closed: they allow only
the fields that this chart may use. They are written from the projects' reference documentation, not from the chart.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import jsonschema_rs

from validation.probes.chart.manifests import Manifest

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
COUNT: Schema = {"type": "string", "pattern": "^[0-9]+$"}
"""KEDA triggers take strings only, even for numbers."""
LABELS: Schema = {"type": "object", "additionalProperties": TEXT}


class SchemaError(NamedTuple):
    """One error in an object: its path, and what is wrong there."""

    manifest: Manifest
    path: str
    text: str


def schema_errors(manifests: Iterable[Manifest]) -> tuple[SchemaError, ...]:
    """Validate custom resources. Objects of kinds outside `KINDS` are skipped."""
    found = []
    for manifest in manifests:
        if manifest.kind in KINDS:
            found += [
                SchemaError(manifest, ".".join(map(str, error.instance_path)), error.message)
                for error in _validator(manifest.kind).iter_errors(manifest.body)
            ]
    return tuple(found)


@cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    version, spec = KINDS[kind]
    metadata = _closed({"name": TEXT, "namespace": TEXT, "labels": LABELS}, {"annotations": LABELS})
    return jsonschema_rs.Draft202012Validator(
        _closed({"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})
    )


def _closed(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _nonempty(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


_REDIS_STREAM = _closed(
    {"address": {"type": "string", "pattern": r"^[^:/\s]+:[0-9]+$"}, "stream": TEXT, "consumerGroup": TEXT},
    {
        "enableTLS": {"enum": ["true", "false"]},
        "unsafeSsl": {"enum": ["true", "false"]},
        "databaseIndex": COUNT,
        "lagCount": COUNT,
        "activationLagCount": COUNT,
        "pendingEntriesCount": COUNT,
    },
) | {
    "oneOf": [{"required": ["lagCount"]}, {"required": ["pendingEntriesCount"]}],
    "dependentRequired": {"lagCount": ["activationLagCount"], "activationLagCount": ["lagCount"]},
}
"""KEDA uses one metric per trigger, and rejects `lagCount` without `activationLagCount`."""

_SCALED_OBJECT = _closed(
    {
        "scaleTargetRef": _closed({"name": TEXT}, {"kind": TEXT, "apiVersion": TEXT}),
        "minReplicaCount": {"const": 1},  # KEDA's default is 0: no consumer would claim the pending entries of one that died
        "maxReplicaCount": {"type": "integer", "minimum": 1},
        "triggers": _nonempty(
            _closed({"type": {"const": "redis-streams"}, "metadata": _REDIS_STREAM, "authenticationRef": _closed({"name": TEXT})})
        ),
    },
    {"pollingInterval": {"type": "integer", "minimum": 1}, "cooldownPeriod": {"type": "integer", "minimum": 0}},
)

_AUTHENTICATION = _closed(
    {"secretTargetRef": _nonempty(_closed({"parameter": {"enum": ["username", "password"]}, "name": TEXT, "key": TEXT}))}
)

_ROUTE = _closed(
    {
        "parentRefs": _nonempty(_closed({"name": TEXT}, {"namespace": TEXT, "sectionName": TEXT})),
        "hostnames": _nonempty(TEXT),
        "rules": _nonempty(_closed({"backendRefs": _nonempty(_closed({"name": TEXT, "port": PORT}))})),
    }
)

_MONITOR = _closed(
    {
        "selector": _closed({"matchLabels": LABELS}),
        # The path of the metrics of API and consumer, and the operator's default.
        "podMetricsEndpoints": _nonempty(_closed({"port": TEXT}, {"path": {"const": "/metrics"}, "interval": TEXT})),
    }
)

_ALERT = _closed(
    {
        "alert": TEXT,
        "expr": TEXT,
        "labels": _closed({"severity": {"enum": ["critical", "warning"]}}),
        "annotations": _closed({"summary": TEXT, "runbook_url": TEXT}),
    },
    {"for": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"}},
)
_RULES = _closed({"groups": _nonempty(_closed({"name": TEXT, "rules": _nonempty(_ALERT)}))})

KINDS: Mapping[str, tuple[str, Schema]] = {
    "HTTPRoute": ("gateway.networking.k8s.io/v1", _ROUTE),
    "PodMonitor": ("monitoring.coreos.com/v1", _MONITOR),
    "PrometheusRule": ("monitoring.coreos.com/v1", _RULES),
    "ScaledObject": ("keda.sh/v1alpha1", _SCALED_OBJECT),
    "TriggerAuthentication": ("keda.sh/v1alpha1", _AUTHENTICATION),
}
"""The validated kinds, each with its API version and the schema of its `spec`."""
