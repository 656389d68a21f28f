"""Steps about what the chart tells the programs in its pods: folders, variables, ports, and the moments at which they come and go."""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_bdd import then

from features.steps.chart.rendering import containers
from validation.core import protocol
from validation.core.settings import RunSettings
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import Container
from validation.probes.source import documents
from validation.record.observe import Observe

READ_BY_OTHERS = {
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PGDATA"},
    "redis": {"REDISCLI_AUTH"},
}
"""The variables that the images of the servers read, and that a chart may set."""
SECTIONS = {"api": ("the API and consumer", "the API"), "consumer": ("the API and consumer", "the consumer")}
"""The parts of docs/reference/configuration.md about each of our images."""
RUNS = {"api": "api", "vote": "api", "consumer": "consumer", "migrate": "consumer"}
"""Which of our images a container runs, by its name: an operator may call the images what they like."""
API_SERVICE = ("Service", "voting-api")
VARIABLE = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)
REDIS_PORT = re.compile(r"^port (\d+)$", re.MULTILINE)
POSTGRES_PORT = 5432
"""Where PostgreSQL listens when nobody says otherwise."""
TEMPORARY = "an emptyDir with a limit"
CLAIMED = "a claim"


@then("each container has these folders to write to, and no other")
def writable_folders(rendered: tuple[Manifest, ...], datatable: list[list[str]], observe: Observe) -> None:
    declared = {name: {} if folders == "none" else dict(_pair(one) for one in folders.split(", ")) for name, folders in datatable[1:]}
    found = {}
    for workload, container in containers(rendered):
        claims = {one["metadata"]["name"] for one in workload.manifest.body["spec"].get("volumeClaimTemplates") or ()}
        held = dict.fromkeys(claims, CLAIMED) | {
            one["name"]: TEMPORARY if (one.get("emptyDir") or {}).get("sizeLimit") else str(one)
            for one in workload.pod.get("volumes") or ()
        }
        mounts = container.body.get("volumeMounts") or ()
        found[container.name] = {mount.get("mountPath"): held.get(mount.get("name"), "nothing") for mount in mounts}
    with observe.together():
        for name in sorted(declared.keys() | found.keys()):
            observe(f"folders of {name} that can be written", expected=declared.get(name), observed=found.get(name),
                    remedy="its root is read-only: volumes and volumeMounts")  # fmt: skip


@then("each variable of a container is one that its program reads")
def variables_are_read(rendered: tuple[Manifest, ...], settings: RunSettings, observe: Observe) -> None:
    page = documents.text(settings.source, "docs/reference/configuration.md")
    read = {image: {name for section in sections for name in _variables(page, section)} for image, sections in SECTIONS.items()}
    with observe.together():
        for image, names in read.items():
            observe(f"variables of {image} in docs/reference/configuration.md", expected="some", observed=len(names), holds=bool(names))
        for _, container in containers(rendered):
            known = read.get(RUNS.get(container.name, "")) or READ_BY_OTHERS.get(container.name, set())
            observe(f"variables of {container.name} that nobody reads", expected=[], observed=sorted(container.env.keys() - known))


@then("each port of a container is one that its program is told to listen on, for everybody")
def ports_are_listened_on(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    seen = [c for w, c in containers(rendered) if w.long_running]
    with observe.together():
        for container in seen:
            declared = sorted(port.get("containerPort") for port in container.body.get("ports") or ())
            observe(f"ports of {container.name}", expected=_listens(container), observed=declared)
        hosts = [c.env["API_HOST"].value if "API_HOST" in c.env else None for c in seen if c.name == "api"]
        observe("where the API listens", expected=["0.0.0.0"], observed=hosts, remedy="else nobody reaches it from outside its pod")  # noqa: S104


@then("PostgreSQL is made with the user and the database that the URLs name")
def urls_fit_the_server(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (server,) = [c for w, c in containers(rendered) if (w.manifest.kind, w.manifest.name) == ("StatefulSet", "postgres")]
    urls = {m.namespace: urlsplit(url) for m in rendered if m.kind == "Secret" for url in [_decoded(m, "DATABASE_URL")] if url}
    made = tuple(server.env[name].value if name in server.env else None for name in ("POSTGRES_USER", "POSTGRES_DB"))
    with observe.together():
        observe("Secrets with a DATABASE_URL", expected=2, observed=len(urls))
        for space, url in urls.items():
            observe(
                f"user and database of the server, and those of the URL in {space}", expected=(url.username, url.path[1:]), observed=made
            )


@then("each hook comes at its moment, ends in time, and goes when it should")
def hooks_come(rendered: tuple[Manifest, ...], datatable: list[list[str]], observe: Observe) -> None:
    hooks = {f"{m.kind} {m.name}": m for m in rendered if "helm.sh/hook" in (m.body["metadata"].get("annotations") or {})}
    rows = {row[0]: row[1:] for row in datatable[1:]}
    with observe.together():
        observe("hooks", expected=sorted(rows), observed=sorted(hooks))
        for name, (moments, goes, least, most) in rows.items():
            body: Mapping[str, Any] = hooks[name].body if name in hooks else {"metadata": {}, "spec": {}}
            told = body["metadata"].get("annotations") or {}
            observe(f"moments of {name}", expected=moments, observed=told.get("helm.sh/hook"))
            observe(f"{name} goes", expected=goes, observed=told.get("helm.sh/hook-delete-policy"))
            ends = body["spec"].get("activeDeadlineSeconds")
            right = ends is not None and int(least) <= ends <= int(most)
            observe(f"seconds until {name} is given up", expected=f"{least} to {most}", observed=ends, holds=right)
            pod = body["spec"].get("template", body).get("spec", {})
            observe(f"{name} ends", expected="OnFailure or Never", observed=pod.get("restartPolicy"),
                    holds=pod.get("restartPolicy") in {"OnFailure", "Never"}, remedy="restartPolicy; without one it is Always")  # fmt: skip


@then("the test pod runs a program of Python's that is given the API's Service")
def test_pod_votes(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (pod,) = [c for w, c in containers(rendered) if w.manifest.kind == "Pod"]
    services = [f"{m.name}.{m.namespace}.svc:{m.body['spec']['ports'][0]['port']}" for m in rendered if (m.kind, m.name) == API_SERVICE]
    interpreter, flag, program = [*(pod.body.get("command") or ()), "", "", ""][:3]
    with observe.together():
        observe("what is run", expected="/usr/bin/python3.* -c", observed=f"{interpreter:.30} {flag:.30}",
                holds=interpreter.startswith("/usr/bin/python3.") and flag == "-c", remedy="chart/templates/tests/vote.yaml")  # fmt: skip
        observe("its program", expected="Python that asks for the results", observed=_compiles(program), holds=_compiles(program) == "")
        observe("what it is given", expected=services, observed=list(pod.body.get("args") or ()))


@then("neither a rollout nor a drain takes more than one pod of a part away at a time, and none of the API's before another is ready")
def pods_stay(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (api,) = [w for w, c in containers(rendered) if w.long_running and c.name == "api"]
    rolling = (api.manifest.body["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    budgets = {m.namespace: m.body["spec"].get("maxUnavailable") for m in rendered if m.kind == "PodDisruptionBudget"}
    spread = [(one["topologyKey"], one["labelSelector"]) for one in api.pod.get("topologySpreadConstraints") or ()]
    selector = api.manifest.body["spec"]["selector"]
    with observe.together():
        observe("API pods that a rollout takes away first", expected=0, observed=rolling.get("maxUnavailable"))
        observe(
            "pods that may be away while nodes are drained", expected=dict.fromkeys(("voting-api", "voting-consumer"), 1), observed=budgets
        )
        observe("what API pods are spread over", expected=[("kubernetes.io/hostname", selector)], observed=spread)


def _decoded(manifest: Manifest, key: str) -> str:
    return base64.b64decode((manifest.body.get("data") or {}).get(key, "")).decode()


def _compiles(program: str) -> str:
    """Say why a program is none that asks for the results; empty when it is."""
    try:
        compile(program, "the test pod", "exec")
    except (SyntaxError, ValueError) as error:
        return str(error)
    return "" if "/api/results" in program else "it does not ask for the results"


def _pair(cell: str) -> tuple[str, str]:
    folder, _, kept = cell.partition(" ")
    return folder, CLAIMED if kept == "(kept)" else TEMPORARY


def _variables(page: str, section: str) -> list[str]:
    _, _, rest = page.partition(f"## Read by {section}\n")
    return VARIABLE.findall(rest.partition("\n## ")[0])


def _listens(container: Container) -> list[int]:
    """Where a program listens, by what it is told."""
    told = {name: given.value for name, given in container.env.items()}
    if container.name == "api":
        return [int(told.get("API_PORT") or protocol.API_PORT)]
    if container.name == "consumer":
        return [int(told["METRICS_PORT"] or 0)] if "METRICS_PORT" in told else []
    if container.name == "redis":
        return [int(port) for port in REDIS_PORT.findall("\n".join(container.body.get("args") or ()))]
    return [POSTGRES_PORT]
