"""Steps about the pods that the chart makes over time: how they are probed, how they end, and what outlives them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_bdd import then

from features.steps.chart.rendering import containers, part
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
"""Where the volumes of every installation have their data: another folder of the same volume is empty."""
REDIS_SETTING = re.compile(r"^(appendonly|appendfsync|maxmemory-policy) (\S+)$", re.MULTILINE)


@then("every lasting workload declares a startup, a readiness and a liveness probe that differ")
def three_probes(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    lasting = [(w, c) for w, c in containers(rendered) if w.long_running and not c.init]
    with observe.together():
        observe("lasting workloads", expected="at least 4", observed=len(lasting), holds=len(lasting) >= 4)  # noqa: PLR2004 - API, consumer, Redis, PostgreSQL
        for workload, container in lasting:
            where = f"{workload.manifest.kind} {workload.manifest.name}"
            observe(f"probes of {where}", expected=sorted(workloads.PROBES), observed=sorted(container.probes))
            kinds = [str(probe) for probe in container.probes.values()]
            observe(f"different probes of {where}", expected=len(kinds), observed=len(set(kinds)), evidence="\n".join(kinds))
            ready, alive = (_question(container.probes.get(name, {})) for name in ("readinessProbe", "livenessProbe"))
            observe(f"what the liveness of {where} asks", expected=f"something else than {ready}", observed=alive, holds=alive != ready,
                    remedy="a pod that is not ready would be killed, and a restart mends no server that is away")  # fmt: skip


@then("the consumer's liveness probe runs python -m system.consumer.heartbeat")
def liveness_is_beat(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (container,) = [c for w, c in containers(rendered) if w.manifest.kind == "Deployment" and part(c) == "consumer"]
    command = (container.probes.get("livenessProbe", {}).get("exec") or {}).get("command", [])
    observe("liveness command", expected=["-m", "system.consumer.heartbeat"], observed=list(command)[-2:], evidence=str(command))


@then("each path that the API's probes ask for is answered 200")
def probe_paths_are_served(rendered: tuple[Manifest, ...], own_api: Api, observe: Observe) -> None:
    (container,) = [c for w, c in containers(rendered) if w.long_running and part(c) == "api"]
    paths = {name: probe["httpGet"]["path"] for name, probe in container.probes.items() if "httpGet" in probe}
    http = HttpProbe(own_api.url)
    eventually(lambda: http.answers("/ready"), bool, within=protocol.API_READY_SECONDS)
    with observe.together():
        observe("probes of the API by HTTP", expected=3, observed=len(paths))
        for name, path in paths.items():
            observe(f"{name}: GET {path}", expected=200, observed=http.send("GET", path).status, remedy="the paths of system/api/health.py")


@then("every pod that does something before it ends has time for that and for what it has in hand")
def time_to_end(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    hooks = [(w, c, c.body["lifecycle"]["preStop"]) for w, c in containers(rendered) if "preStop" in (c.body.get("lifecycle") or {})]
    with observe.together():
        pausing = [c.name for _, c, hook in hooks if _pause(hook)]
        observe(
            "pods that pause",
            expected="the API's among them",
            observed=pausing,
            holds="api" in pausing,
            remedy="else votes come to a stopped API",
        )
        for workload, container, hook in hooks:
            pause, grace = _pause(hook), workload.pod.get("terminationGracePeriodSeconds", 30)
            told = "preStop.sleep: what a command sleeps cannot be read from here"
            known = pause is not None
            observe(f"pause of {container.name}", expected="some seconds", observed=pause, holds=known, evidence=str(hook), remedy=told)
            together = (pause or 0) + protocol.SHUTDOWN_SECONDS
            observe(f"grace of {container.name}", expected=f"above {together:g} s", observed=grace, holds=grace > together,
                    remedy="terminationGracePeriodSeconds counts from the start of preStop; then comes SIGKILL")  # fmt: skip


@then("the folders in which Redis and PostgreSQL keep votes are on volumes that outlive their pods")
def votes_on_volumes(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    servers = {w.manifest.name: (w, c) for w, c in containers(rendered) if w.manifest.kind == "StatefulSet"}
    with observe.together():
        observe("servers", expected=["postgres", "redis"], observed=sorted(servers))
        for name, (workload, container) in servers.items():
            folder = _folder(container)
            observe(f"folder of {name}", expected=FOLDERS.get(name), observed=folder, remedy="an upgrade would begin anew, beside the data")
            count = workload.manifest.body["spec"].get("replicas", 1)
            observe(f"pods of {name}", expected=1, observed=count, remedy="each would keep votes of its own, and a Service leads to any")
            claims = {claim["metadata"]["name"] for claim in workload.manifest.body["spec"].get("volumeClaimTemplates") or ()}
            mounts = {mount["mountPath"]: mount["name"] for mount in container.body.get("volumeMounts") or ()}
            nearest = max((path for path in mounts if folder and Path(folder).is_relative_to(path)), key=len, default="")
            observe(f"volume of {name} under {folder}", expected="one of the StatefulSet's claims", observed=mounts.get(nearest, "none"),
                    holds=mounts.get(nearest) in claims, evidence=f"claims {sorted(claims)}, mounts {mounts}")  # fmt: skip
            space = next((m for m in rendered if (m.kind, m.name) == ("Namespace", workload.manifest.namespace)), None)
            policy = ((space.body["metadata"].get("annotations") or {}) if space else {}).get("helm.sh/resource-policy")
            observe(f"what an uninstallation does with the namespace of {name}", expected="keep", observed=policy)
            kept = workload.manifest.body["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
            observe(f"claims of {name} once its StatefulSet is gone", expected="kept", observed=kept, holds="Delete" not in kept.values())


@then("Redis is told to write each vote to disk and to evict nothing")
def redis_is_told(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (redis,) = [c for w, c in containers(rendered) if (w.manifest.kind, w.manifest.name) == ("StatefulSet", "redis")]
    told = REDIS_SETTING.findall("\n".join(redis.body.get("args") or ()))
    observe("settings that Redis starts with", expected=sorted(protocol.REDIS_SETTINGS.items()), observed=sorted(told), remedy="redis.yaml")


def _folder(container: workloads.Container) -> str:
    """Where a server keeps its data: PGDATA, or `dir` of the configuration that Redis is given."""
    if "PGDATA" in container.env:
        return container.env["PGDATA"].value or ""
    found = REDIS_FOLDER.findall("\n".join(container.body.get("args") or ()))
    return found[0] if len(found) == 1 else ""


def _question(probe: Any) -> dict[str, Any]:
    """What a probe asks, without how often."""
    return {handler: probe[handler] for handler in HANDLERS if handler in probe}


def _pause(hook: Mapping[str, Any]) -> int | None:
    """How many seconds a preStop waits; None when a command sleeps, or it is something else that cannot be told."""
    if "sleep" in hook:
        return int(hook["sleep"]["seconds"])
    return 0 if "exec" in hook and "sleep" not in str(hook["exec"]) else None
