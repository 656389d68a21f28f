"""Which values of the chart cannot work together, restated here so that the chart's own refusals can be compared with it."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from validation.core import protocol
from validation.probes.chart.values import Key

UNITS = {"m": 1e-3, "": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
REDIS_UNITS = {"kb": "Ki", "mb": "Mi", "gb": "Gi"}
MEMORY = {"api": 64, "consumer": 64, "redis": 32, "postgres": 192}
"""Mebibytes without which a part does not start."""
TMP_MEBIBYTES = 16
"""Size of the /tmp of every pod, which counts against its ephemeral storage."""
PORTS = {"redis": 6379, "postgres": 5432}
POOLS = {"redis": (50, 4), "postgres": (4, 4)}
"""Connections that a pod of the API and one of the consumer may open to a server."""
REDIS_CLIENTS, OTHERS = 9_900, 10
"""Connections that the chart's Redis accepts for the system; those to PostgreSQL that the migration and operators need."""
LOG_GIBIBYTES = 2
"""A volume below this can be filled by PostgreSQL's write-ahead log of up to 1 GB."""


def amount(quantity: object) -> float:
    """Return the number of a quantity, such as `250m` or `64Mi`."""
    text = str(quantity)
    number = text.rstrip("".join(UNITS))
    return float(number) * UNITS[text[len(number) :]]


def ports(url: str, default: int) -> set[int]:
    """Return the ports of the hosts in a URL: several, separated by commas, or in the option `host`. Unix sockets have none."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    hosts = (parts.netloc.rpartition("@")[2] or options.get("host", "")).split(",") if url else []
    own = [re.search(r":(\d+)$", host) for host in hosts if not unquote(host).startswith("/")]
    return {int(found[1]) if found else int(options.get("port", default)) for found in own}


def collector_ports(endpoint: str) -> set[int]:
    """Return the port of a collector, if there is one."""
    return ports(endpoint, 443 if endpoint.startswith("https:") else 80)


def conflicts(values: Mapping[str, Any]) -> list[tuple[Key, ...]]:
    """Return each conflict among merged values, as the values in it. None: the values can work."""
    return [*_resources(values), *_redis(values), *_connections(values), *_network(values), *_others(values)]


def _resources(values: Mapping[str, Any]) -> Iterator[tuple[Key, ...]]:
    for part, mebibytes in MEMORY.items():
        own = values[part]["resources"]
        for name, limit in own["limits"].items():
            at = (part, "resources", "limits", name)
            if amount(own["requests"][name]) > amount(limit):
                yield (part, "resources", "requests", name), at
            least = {"memory": mebibytes, "ephemeral-storage": TMP_MEBIBYTES}.get(name, 0)
            if amount(limit) < least * UNITS["Mi"]:
                yield (at,)


def _redis(values: Mapping[str, Any]) -> Iterator[tuple[Key, ...]]:
    redis = values["redis"]
    if redis["url"]:
        return
    most = amount(redis["maxmemory"][:-2] + REDIS_UNITS[redis["maxmemory"][-2:]])
    if most > 0.75 * amount(redis["resources"]["limits"]["memory"]):
        yield ("redis", "maxmemory"), ("redis", "resources", "limits", "memory"), ("redis", "url")
    if 3 * most > amount(redis["storage"]["size"]):
        yield ("redis", "maxmemory"), ("redis", "storage", "size"), ("redis", "url")


def _connections(values: Mapping[str, Any]) -> Iterator[tuple[Key, ...]]:
    pods, keys = [], []
    for part, scaler in (("api", "autoscaling"), ("consumer", "keda")):
        scaled = values[part][scaler]["enabled"]
        pods.append(values[part][scaler]["maxReplicas"] if scaled else values[part]["replicas"])
        keys += [(part, scaler, "enabled"), (part, scaler, "maxReplicas") if scaled else (part, "replicas")]
    most = pods[0] + 1, pods[1] + math.ceil(pods[1] / 4)  # a rollout adds one of the API, and a quarter of the consumer's
    needed = {store: sum(count * pool for count, pool in zip(most, pools, strict=True)) for store, pools in POOLS.items()}
    if not values["redis"]["url"] and needed["redis"] > REDIS_CLIENTS:
        yield (*keys, ("redis", "url"))
    if values["postgres"]["url"]:
        return
    if needed["postgres"] + OTHERS > values["postgres"]["maxConnections"]:
        yield (*keys, ("postgres", "maxConnections"), ("postgres", "url"))
    if amount(values["postgres"]["storage"]["size"]) < LOG_GIBIBYTES * UNITS["Gi"]:
        yield ("postgres", "storage", "size"), ("postgres", "url")


def _network(values: Mapping[str, Any]) -> Iterator[tuple[Key, ...]]:
    policies, api = values["networkPolicies"], values["api"]
    enabled, controllers = ("networkPolicies", "enabled"), ("networkPolicies", "ingressControllers")
    for name in ("ingress", "httpRoute"):
        if api[name]["enabled"]:
            if policies["enabled"] and not policies["ingressControllers"]:
                yield ("api", name, "enabled"), enabled, controllers
            if api["rateLimit"] and not api["trustedProxies"]:
                yield ("api", name, "enabled"), ("api", "rateLimit"), ("api", "trustedProxies")
    if not policies["enabled"]:
        return
    outside = {(store, "url"): ports(values[store]["url"], default) for store, default in PORTS.items()}
    outside["tracing", "endpoint"] = collector_ports(values["tracing"]["endpoint"])
    for server, needed in outside.items():
        if needed - {one["port"] for one in policies["externalData"]}:
            yield server, enabled, ("networkPolicies", "externalData")
    lists = {controllers: policies["ingressControllers"], ("networkPolicies", "dns", "peers"): policies["dns"]["peers"],
             ("networkPolicies", "externalData"): [one["peer"] for one in policies["externalData"]]}  # fmt: skip
    for key, peers in lists.items():
        if any("ipBlock" in peer and len(peer) > 1 for peer in peers):
            yield key, enabled


def _others(values: Mapping[str, Any]) -> Iterator[tuple[Key, ...]]:
    scaling = values["api"]["autoscaling"]
    if values["consumer"]["streamName"] != protocol.STREAM:
        yield (("consumer", "streamName"),)
    if scaling["enabled"] and scaling["minReplicas"] > scaling["maxReplicas"]:
        yield tuple(("api", "autoscaling", name) for name in ("enabled", "minReplicas", "maxReplicas"))
    if values["monitoring"]["alerts"] and not values["monitoring"]["enabled"]:
        yield ("monitoring", "alerts"), ("monitoring", "enabled")
