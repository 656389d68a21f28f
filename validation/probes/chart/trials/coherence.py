"""Check that the objects of a rendered chart work together: what one part is told, every other part is told, too."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from validation.core import protocol
from validation.probes.chart import custom_resources, delivery, kubernetes_schemas
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.references import Rendering
from validation.probes.chart.trials.workable import OTHERS, POOLS, PORTS, REDIS_CLIENTS, REDIS_UNITS, amount, collector_ports, ports
from validation.probes.chart.workloads import Container, workloads

OPENINGS = ("Ingress", "HTTPRoute")
SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
DEPLOYMENTS = ("voting-api", "voting-consumer")
SURGE = "25%"
"""Additional pods of a rollout, if a Deployment does not state them: Kubernetes rounds them up."""
RELOADER = "secret.reloader.stakater.com/reload"


def faults(manifests: Sequence[Manifest], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what does not fit together.

    Args:
        manifests: everything that the chart renders.
        values: the merged values that it was rendered with.
    """
    containers = {c.name: c for w in workloads(manifests) for c in w.containers}
    kinds = {one.kind: one for one in manifests}
    checks = (
        _valid(manifests, values),
        _shared(manifests, containers),
        _scaled(manifests),
        _sized(manifests, containers),
        _connected(manifests, containers),
        _reachable(manifests, kinds, values),
        _exposed(kinds, containers),
        chain.from_iterable(delivery.waits_for_later(manifests, tool) for tool in delivery.TOOLS),
        delivery.endless_hooks(manifests),
    )
    return tuple(chain.from_iterable(checks))


def _valid(manifests: Sequence[Manifest], values: Mapping[str, Any]) -> Iterator[str]:
    core = [one for one in manifests if one.kind not in custom_resources.KINDS]
    for wrong in kubernetes_schemas.schema_errors(core, kubernetes_schemas.VERSIONS[-1]):
        yield f"{wrong.manifest.kind} {wrong.manifest.name} {wrong.path}: {wrong.text}"
    for invalid in custom_resources.schema_errors(manifests):
        yield f"{invalid.manifest.kind} {invalid.manifest.name} {invalid.path}: {invalid.text}"
    external = frozenset({str(values["secrets"]["existingSecret"])} - {""})
    yield from (f"{one.source} names {one.target}" for one in Rendering(manifests, external).references() if not one.exists)


def _shared(manifests: Sequence[Manifest], containers: Mapping[str, Container]) -> Iterator[str]:
    """Streams, groups, options and Secrets that several parts are told."""
    streams = {_text(containers["consumer"], "STREAM_NAME"), protocol.STREAM}
    groups = {_text(containers["consumer"], "CONSUMER_GROUP")}
    options = {_text(containers[name], "VOTE_OPTIONS") for name in ("api", "consumer")}
    secrets = {v.secret[0] for c in containers.values() for v in c.env.values() if v.secret}
    for one in manifests:
        triggers = one.body["spec"].get("triggers", ()) if one.kind == "ScaledObject" else ()
        streams |= {trigger["metadata"]["stream"] for trigger in triggers}
        groups |= {trigger["metadata"]["consumerGroup"] for trigger in triggers}
        if one.kind == "TriggerAuthentication":
            secrets |= {entry["name"] for entry in one.body["spec"]["secretTargetRef"]}
        if RELOADER in (one.body["metadata"].get("annotations") or {}):
            secrets.add(one.body["metadata"]["annotations"][RELOADER])
    named = {"streams": streams, "consumer groups": groups, "vote options": options, "Secrets": secrets}
    yield from (f"the parts use several {what}: {sorted(map(str, found))}" for what, found in named.items() if len(found) > 1)


def _scaled(manifests: Sequence[Manifest]) -> Iterator[str]:
    targets = {one.namespace: one for one in manifests if one.kind in SCALERS}
    for one in manifests:
        if one.kind == "Deployment":
            replicas, scaler = one.body["spec"].get("replicas"), targets.get(one.namespace)
            if scaler and replicas is not None:
                yield f"Deployment {one.name} states replicas next to {scaler.kind} {scaler.name}"
            if not scaler and not replicas:
                yield f"Deployment {one.name} has no pods"
        spec = one.body.get("spec", {})
        if one.kind == "HorizontalPodAutoscaler" and spec["minReplicas"] > spec["maxReplicas"]:
            yield f"HorizontalPodAutoscaler {one.name} has a minimum above its maximum"


def _sized(manifests: Sequence[Manifest], containers: Mapping[str, Container]) -> Iterator[str]:
    for container in containers.values():
        limits = container.resources["limits"]
        for name, request in container.resources["requests"].items():
            if amount(request) > amount(limits[name]):
                yield f"{container.name} requests more {name} than its limit"
    for one in manifests:
        if (one.kind, one.name) == ("StatefulSet", "redis"):
            words = "\n".join(containers["redis"].body["args"]).split()
            text = words[words.index("maxmemory") + 1]
            most = amount(text[:-2] + REDIS_UNITS[text[-2:]])
            disk = one.body["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
            if most > 0.75 * amount(containers["redis"].resources["limits"]["memory"]):
                yield "Redis would be killed before it refuses votes"
            if 3 * most > amount(disk):
                yield "the volume of Redis is too small for its memory"


def _connected(manifests: Sequence[Manifest], containers: Mapping[str, Container]) -> Iterator[str]:
    """Connections that the servers of the chart must accept, given every pod that may exist during a rollout."""
    scaled = {one.namespace: one.body["spec"] for one in manifests if one.kind in SCALERS}
    pods = {}
    for one in manifests:
        if one.kind == "Deployment":
            spec, scaler = one.body["spec"], scaled.get(one.namespace, {})
            most = scaler.get("maxReplicas") or scaler.get("maxReplicaCount") or spec["replicas"]
            surge = str(spec.get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", SURGE))
            pods[one.name] = most + (math.ceil(most * int(surge[:-1]) / 100) if surge.endswith("%") else int(surge))
    needed = {store: sum(pods[name] * most for name, most in zip(DEPLOYMENTS, pools, strict=True)) for store, pools in POOLS.items()}
    if "postgres" in containers:
        text = " ".join(containers["postgres"].body["args"])
        accepted = int(text.partition("max_connections=")[2].split()[0])
        if needed["postgres"] + OTHERS > accepted:
            yield f"PostgreSQL accepts {accepted} connections, and {needed['postgres'] + OTHERS} may be needed"
    if "redis" in containers and needed["redis"] > REDIS_CLIENTS:
        yield f"Redis accepts {REDIS_CLIENTS} connections, and {needed['redis']} may be needed"


def _reachable(manifests: Sequence[Manifest], kinds: Mapping[str, Manifest], values: Mapping[str, Any]) -> Iterator[str]:
    """What the network policies must allow, given the servers and the entrances of this release."""
    policies = {one.name: one.body["spec"] for one in manifests if one.kind == "NetworkPolicy" and one.name.startswith("allow-")}
    if not policies:
        return
    for part in ("api", "consumer"):
        open_ports = {port["port"] for rule in policies[f"allow-{part}"]["egress"] for port in rule["ports"]}
        for store, default in PORTS.items():
            url = values[store]["url"]
            for port in (ports(url, default) if url else {default}) - open_ports:
                yield f"the policies keep {part} from {store}, port {port}"
        for port in collector_ports(values["tracing"]["endpoint"]) - open_ports:
            yield f"the policies keep {part} from the collector, port {port}"
    peers = [peer for rule in policies["allow-api"]["ingress"] for peer in rule["from"]]
    entrances = [kind for kind in OPENINGS if kind in kinds]
    own = 1 + ("PodMonitor" in kinds)  # the frontend, and Prometheus
    if entrances and len(peers) <= own:
        yield f"the policies keep every controller from the API, which has {' and '.join(entrances)}"


def _exposed(kinds: Mapping[str, Manifest], containers: Mapping[str, Container]) -> Iterator[str]:
    api = containers["api"]
    if any(kind in kinds for kind in OPENINGS) and _text(api, "RATE_LIMIT") and not _text(api, "TRUSTED_PROXIES"):
        yield "all voters behind the proxy share one rate limit"
    if "PrometheusRule" in kinds and "PodMonitor" not in kinds:
        yield "there are alerts without metrics"
    if "PodMonitor" in kinds and not _text(containers["consumer"], "METRICS_PORT"):
        yield "Prometheus scrapes a consumer that serves no metrics"


def _text(container: Container, variable: str) -> str:
    found = container.env.get(variable)
    return (found.value if found else "") or ""
