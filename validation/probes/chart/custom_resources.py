"""Whether objects of kinds that Kubernetes itself does not have are what their own projects take: KEDA, Gateway API, Prometheus Operator.

A cluster drops a field that such a project does not know, and says nothing. So each kind is closed here, down to the fields that a chart
of ours may use; they are stated from the projects' references, and not from the chart.
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
"""KEDA's triggers have texts only, of numbers too."""
LABELS: Schema = {"type": "object", "additionalProperties": TEXT}


class SchemaError(NamedTuple):
    """One way in which an object is not what its project takes: where in it, and what is wrong there."""

    manifest: Manifest
    path: str
    text: str


def schema_errors(manifests: Iterable[Manifest]) -> tuple[SchemaError, ...]:
    """Hold objects against what their projects take; those of Kubernetes itself are left alone."""
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


def _some(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


_REDIS_STREAM = _closed(
    {"address": {"type": "string", "pattern": r"^[^:/\s]+:[0-9]+$"}, "stream": TEXT, "consumerGroup": TEXT},
    {
        "enableTLS": {"enum": ["true", "false"]},
        "lagCount": COUNT,
        "activationLagCount": COUNT,
        "pendingEntriesCount": COUNT,
    },
) | {
    "oneOf": [{"required": ["lagCount"]}, {"required": ["pendingEntriesCount"]}],
    "dependentRequired": {"lagCount": ["activationLagCount"], "activationLagCount": ["lagCount"]},
}
"""KEDA measures one figure a trigger, and refuses a lag without the lag that it starts at."""

_SCALED_OBJECT = _closed(
    {
        "scaleTargetRef": _closed({"name": TEXT}, {"kind": TEXT, "apiVersion": TEXT}),
        "minReplicaCount": {"const": 1},  # KEDA's own default is 0: what a dead consumer has in hand would be nobody's
        "maxReplicaCount": {"type": "integer", "minimum": 1},
        "triggers": _some(
            _closed({"type": {"const": "redis-streams"}, "metadata": _REDIS_STREAM, "authenticationRef": _closed({"name": TEXT})})
        ),
    },
    {"pollingInterval": {"type": "integer", "minimum": 1}, "cooldownPeriod": {"type": "integer", "minimum": 0}},
)

_AUTHENTICATION = _closed({"secretTargetRef": _some(_closed({"parameter": {"enum": ["username", "password"]}, "name": TEXT, "key": TEXT}))})

_ROUTE = _closed(
    {
        "parentRefs": _some(_closed({"name": TEXT}, {"namespace": TEXT, "sectionName": TEXT})),
        "hostnames": _some(TEXT),
        "rules": _some(_closed({"backendRefs": _some(_closed({"name": TEXT, "port": PORT}))})),
    }
)

_MONITOR = _closed(
    {
        "selector": _closed({"matchLabels": LABELS}),
        # Where API and consumer serve their figures, which is what the operator asks for when it is told nothing.
        "podMetricsEndpoints": _some(_closed({"port": TEXT}, {"path": {"const": "/metrics"}, "interval": TEXT})),
    }
)

_ALERT = _closed(
    {
        "alert": TEXT,
        "expr": TEXT,
        "labels": _closed({"severity": {"enum": ["critical", "warning"]}}),
        "annotations": _closed({"summary": TEXT}),
    },
    {"for": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"}},
)
_RULES = _closed({"groups": _some(_closed({"name": TEXT, "rules": _some(_ALERT)}))})

KINDS: Mapping[str, tuple[str, Schema]] = {
    "HTTPRoute": ("gateway.networking.k8s.io/v1", _ROUTE),
    "PodMonitor": ("monitoring.coreos.com/v1", _MONITOR),
    "PrometheusRule": ("monitoring.coreos.com/v1", _RULES),
    "ScaledObject": ("keda.sh/v1alpha1", _SCALED_OBJECT),
    "TriggerAuthentication": ("keda.sh/v1alpha1", _AUTHENTICATION),
}
"""The kinds that are known, each with the API that has it and what its `spec` takes."""
