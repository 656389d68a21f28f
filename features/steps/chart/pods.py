"""Steps about the life of the chart's pods: their probes, their shutdown, and the volumes that outlive them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_bdd import then

from features.support.chart import consumer_of, container_of, containers, image_of
from validation.core import protocol
from validation.core.waiting import eventually
from validation.probes.chart import workloads
from validation.probes.chart.manifests import Manifest
from validation.probes.running.http import HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Api

HANDLERS = ("httpGet", "exec", "tcpSocket", "grpc")
REDIS_FOLDER = re.compile(r"^dir (\S+)$", re.MULTILINE)
FOLDERS = {"redis": "/data", "postgres": "/var/lib/postgresql/data/pgdata"}
"""Where the existing volumes have their data: any other folder of the same volume is empty."""
REDIS_SETTING = re.compile(r"^(appendonly|appendfsync|maxmemory-policy) (\S+)$", re.MULTILINE)


@then("every long-running workload declares different startup, readiness and liveness probes")
def three_probes(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    lasting = [(w, c) for w, c in containers(rendered) if w.long_running and not c.init]
    with observe.together():
        observe("long-running workloads", expected="at least 4", observed=len(lasting), holds=len(lasting) >= 4)  # noqa: PLR2004 - API, consumer, Redis, PostgreSQL
        for workload, container in lasting:
            where = f"{workload.manifest.kind} {workload.manifest.name}"
            observe(f"probes of {where}", expected=sorted(workloads.PROBES), observed=sorted(container.probes))
            kinds = [str(probe) for probe in container.probes.values()]
            observe(f"distinct probes of {where}", expected=len(kinds), observed=len(set(kinds)), evidence="\n".join(kinds))
            ready, alive = (_handler(container.probes.get(name, {})) for name in ("readinessProbe", "livenessProbe"))
            observe(f"liveness probe of {where}", expected=f"not {ready}", observed=alive, holds=alive != ready,
                    remedy="otherwise a pod that is not ready is killed, and a restart does not bring a missing server back")  # fmt: skip


@then("the consumer's liveness probe runs python -m system.consumer.heartbeat")
def liveness_is_heartbeat(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    command = (consumer_of(rendered).probes.get("livenessProbe", {}).get("exec") or {}).get("command", [])
    observe("liveness command", expected=["-m", "system.consumer.heartbeat"], observed=list(command)[-2:], evidence=command)


@then("each path in the API's probes responds 200")
def probe_paths_are_served(rendered: tuple[Manifest, ...], own_api: Api, observe: Observe) -> None:
    (container,) = [c for w, c in containers(rendered) if w.long_running and image_of(c) == "api"]
    paths = {name: probe["httpGet"]["path"] for name, probe in container.probes.items() if "httpGet" in probe}
    http = HttpProbe(own_api.url)
    eventually(lambda: http.answers("/ready"), bool, within=protocol.API_READY_SECONDS)
    with observe.together():
        observe("HTTP probes of the API", expected=3, observed=len(paths))
        for name, path in paths.items():
            observe(f"{name}: GET {path}", expected=200, observed=http.send("GET", path).status, remedy="the paths of system/api/health.py")


@then("the grace period of every pod with a preStop hook covers the hook and the shutdown")
def grace_period_suffices(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    hooks = [(w, c, c.body["lifecycle"]["preStop"]) for w, c in containers(rendered) if "preStop" in (c.body.get("lifecycle") or {})]
    with observe.together():
        pausing = [c.name for _, c, hook in hooks if _pause(hook)]
        observe(
            "pods with a preStop pause",
            expected="includes the API",
            observed=pausing,
            holds="api" in pausing,
            remedy="without a pause votes are still routed to a stopped API",
        )
        for workload, container, hook in hooks:
            pause, grace = _pause(hook), workload.pod.get("terminationGracePeriodSeconds", 30)
            known, remedy = pause is not None, "use preStop.sleep: the duration of a command cannot be checked here"
            observe(f"preStop pause of {container.name}", expected="in seconds", observed=pause, holds=known, evidence=hook, remedy=remedy)
            needed = (pause or 0) + protocol.SHUTDOWN_SECONDS
            observe(f"grace period of {container.name}", expected=f"above {needed:g} s", observed=grace, holds=grace > needed,
                    remedy="terminationGracePeriodSeconds includes preStop and ends with SIGKILL")  # fmt: skip


@then("Redis and PostgreSQL keep their data on volumes that outlive their pods")
def votes_on_volumes(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    servers = {w.manifest.name: (w, c) for w, c in containers(rendered) if w.manifest.kind == "StatefulSet"}
    with observe.together():
        observe("servers", expected=["postgres", "redis"], observed=sorted(servers))
        for name, (workload, container) in servers.items():
            folder = _folder(container)
            observe(
                f"data folder of {name}",
                expected=FOLDERS.get(name),
                observed=folder,
                remedy="in another folder an upgrade starts without the data",
            )
            count = workload.manifest.body["spec"].get("replicas", 1)
            observe(
                f"pods of {name}",
                expected=1,
                observed=count,
                remedy="two pods would each keep their own votes, and the Service would route to either",
            )
            claims = {claim["metadata"]["name"] for claim in workload.manifest.body["spec"].get("volumeClaimTemplates") or ()}
            mounts = {mount["mountPath"]: mount["name"] for mount in container.body.get("volumeMounts") or ()}
            nearest = max((path for path in mounts if folder and Path(folder).is_relative_to(path)), key=len, default="")
            observe(f"volume of {name} under {folder}", expected="a claim of the StatefulSet", observed=mounts.get(nearest, "none"),
                    holds=mounts.get(nearest) in claims, evidence=f"claims {sorted(claims)}, mounts {mounts}")  # fmt: skip
            space = next((m for m in rendered if (m.kind, m.name) == ("Namespace", workload.manifest.namespace)), None)
            policy = ((space.body["metadata"].get("annotations") or {}) if space else {}).get("helm.sh/resource-policy")
            observe(f"resource policy of the namespace of {name}", expected="keep", observed=policy)
            kept = workload.manifest.body["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
            observe(
                f"claims of {name} after its StatefulSet is deleted", expected="kept", observed=kept, holds="Delete" not in kept.values()
            )


@then("Redis is configured to persist every write and to evict nothing")
def redis_is_configured(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    found = REDIS_SETTING.findall("\n".join(container_of(rendered, "StatefulSet", "redis").body.get("args") or ()))
    observe("settings that Redis starts with", expected=sorted(protocol.REDIS_SETTINGS.items()), observed=sorted(found),
            remedy="chart/templates/redis.yaml")  # fmt: skip


def _folder(container: workloads.Container) -> str:
    """Return where a server keeps its data: PGDATA, or `dir` in the configuration of Redis."""
    if "PGDATA" in container.env:
        return container.env["PGDATA"].value or ""
    found = REDIS_FOLDER.findall("\n".join(container.body.get("args") or ()))
    return found[0] if len(found) == 1 else ""


def _handler(probe: Any) -> dict[str, Any]:
    """Return what a probe checks, without its timing."""
    return {handler: probe[handler] for handler in HANDLERS if handler in probe}


def _pause(hook: Mapping[str, Any]) -> int | None:
    """Return how many seconds a preStop hook pauses; None if a command sleeps or the duration is unknown."""
    if "sleep" in hook:
        return int(hook["sleep"]["seconds"])
    return 0 if "exec" in hook and "sleep" not in str(hook["exec"]) else None
