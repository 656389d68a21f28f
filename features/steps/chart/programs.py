"""Steps about the settings of the programs in the chart's pods: folders, variables, ports, hooks and rollouts."""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_bdd import then

from features.support.chart import container_of, containers, pod_of_test
from validation.core import protocol
from validation.core.settings import RunSettings
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import Container
from validation.probes.source import documents, markdown
from validation.record.observe import Observe

THIRD_PARTY_VARIABLES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PGDATA"},
    "redis": {"REDISCLI_AUTH"},
}
"""Variables that the images of Redis and PostgreSQL read and the chart may set."""
SECTIONS = {"api": ("the API and consumer", "the API"), "consumer": ("the API and consumer", "the consumer")}
"""The sections of docs/reference/configuration.md about each of the two images."""
RUNS = {"api": "api", "vote": "api", "consumer": "consumer", "migrate": "consumer"}
"""Which of the two images a container runs, by the name of the container: operators may rename the images."""
API_SERVICE = ("Service", "voting-api")
VARIABLE = re.compile(r"`([A-Z][A-Z0-9_]+)`")
REDIS_PORT = re.compile(r"^port (\d+)$", re.MULTILINE)
POSTGRES_PORT = 5432
"""PostgreSQL's default port."""
TEMPORARY = "an emptyDir with a limit"
CLAIMED = "a claim"


@then("each container can write to these folders and no other")
def writable_folders(rendered: tuple[Manifest, ...], datatable: list[list[str]], observe: Observe) -> None:
    declared = {name: {} if folders == "none" else dict(_pair(one) for one in folders.split(", ")) for name, folders in datatable[1:]}
    found = {}
    for workload, container in containers(rendered):
        claims = {one["metadata"]["name"] for one in workload.manifest.body["spec"].get("volumeClaimTemplates") or ()}
        volumes = dict.fromkeys(claims, CLAIMED) | {
            one["name"]: TEMPORARY if (one.get("emptyDir") or {}).get("sizeLimit") else str(one)
            for one in workload.pod.get("volumes") or ()
        }
        mounts = container.body.get("volumeMounts") or ()
        found[container.name] = {mount.get("mountPath"): volumes.get(mount.get("name"), "nothing") for mount in mounts}
    with observe.together():
        for name in sorted(declared.keys() | found.keys()):
            observe(f"writable folders of {name}", expected=declared.get(name), observed=found.get(name),
                    remedy="volumes and volumeMounts; the root is read-only")  # fmt: skip


@then("each variable of a container is one that its program reads")
def variables_are_read(rendered: tuple[Manifest, ...], settings: RunSettings, observe: Observe) -> None:
    page = documents.text(settings.source, "docs/reference/configuration.md")
    read = {image: {name for section in sections for name in _variables(page, section)} for image, sections in SECTIONS.items()}
    with observe.together():
        for image, names in read.items():
            observe(f"variables of {image} in docs/reference/configuration.md", expected="some", observed=len(names), holds=bool(names))
        for _, container in containers(rendered):
            known = read.get(RUNS.get(container.name, "")) or THIRD_PARTY_VARIABLES.get(container.name, set())
            observe(
                f"variables of {container.name} that its program does not read", expected=[], observed=sorted(container.env.keys() - known)
            )


@then("each port of a container is one that its program listens on")
def ports_are_listened_on(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    long_running = [c for w, c in containers(rendered) if w.long_running]
    with observe.together():
        for container in long_running:
            declared = sorted(port.get("containerPort") for port in container.body.get("ports") or ())
            observe(f"ports of {container.name}", expected=_listens(container), observed=declared)
        hosts = [c.env["API_HOST"].value if "API_HOST" in c.env else None for c in long_running if c.name == "api"]
        remedy = "any other address is unreachable from outside the pod, or in a network of the other family"
        observe("addresses on which the API listens", expected=["::"], observed=hosts, remedy=remedy)


@then("PostgreSQL is created with the user and the database in the URLs")
def urls_match_server(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    server = container_of(rendered, "StatefulSet", "postgres")
    urls = {m.namespace: urlsplit(url) for m in rendered if m.kind == "Secret" for url in [_decoded(m, "DATABASE_URL")] if url}
    created = tuple(server.env[name].value if name in server.env else None for name in ("POSTGRES_USER", "POSTGRES_DB"))
    with observe.together():
        observe("Secrets with a DATABASE_URL", expected=2, observed=len(urls))
        for space, url in urls.items():
            observe(f"user and database of the server, and of the URL in {space}", expected=(url.username, url.path[1:]), observed=created)


@then("each hook runs at the right time, has a deadline and is deleted")
def hooks_run(rendered: tuple[Manifest, ...], datatable: list[list[str]], observe: Observe) -> None:
    hooks = {f"{m.kind} {m.name}": m for m in rendered if "helm.sh/hook" in (m.body["metadata"].get("annotations") or {})}
    rows = {row[0]: row[1:] for row in datatable[1:]}
    with observe.together():
        observe("hooks", expected=sorted(rows), observed=sorted(hooks))
        for name, (events, deletion, least, most) in rows.items():
            body: Mapping[str, Any] = hooks[name].body if name in hooks else {"metadata": {}, "spec": {}}
            annotations = body["metadata"].get("annotations") or {}
            observe(f"hook events of {name}", expected=events, observed=annotations.get("helm.sh/hook"))
            observe(f"deletion policy of {name}", expected=deletion, observed=annotations.get("helm.sh/hook-delete-policy"))
            deadline = body["spec"].get("activeDeadlineSeconds")
            right = deadline is not None and int(least) <= deadline <= int(most)
            observe(f"deadline of {name}, seconds", expected=f"{least} to {most}", observed=deadline, holds=right)
            pod = body["spec"].get("template", body).get("spec", {})
            observe(f"restart policy of {name}", expected="OnFailure or Never", observed=pod.get("restartPolicy"),
                    holds=pod.get("restartPolicy") in {"OnFailure", "Never"}, remedy="set it; the default is Always")  # fmt: skip


@then("the test pod runs a Python program with the address of the API's Service")
def test_pod_votes(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    pod = pod_of_test(rendered)
    services = [f"{m.name}.{m.namespace}.svc:{m.body['spec']['ports'][0]['port']}" for m in rendered if (m.kind, m.name) == API_SERVICE]
    interpreter, flag, program = [*(pod.body.get("command") or ()), "", "", ""][:3]
    with observe.together():
        observe("interpreter", expected="/usr/bin/python3.* -c", observed=f"{interpreter:.30} {flag:.30}",
                holds=interpreter.startswith("/usr/bin/python3.") and flag == "-c", remedy="chart/templates/tests/vote.yaml")  # fmt: skip
        observe("program", expected="Python that requests the results", observed=_problem(program), holds=_problem(program) == "")
        observe("arguments", expected=services, observed=list(pod.body.get("args") or ()))


@then("a drain takes at most one pod of each part at a time, and a rollout no API pod before another is ready")
def pods_stay(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (api,) = [w for w, c in containers(rendered) if w.long_running and c.name == "api"]
    rolling = (api.manifest.body["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    budgets = {m.namespace: m.body["spec"].get("maxUnavailable") for m in rendered if m.kind == "PodDisruptionBudget"}
    spread = [(one["topologyKey"], one["labelSelector"]) for one in api.pod.get("topologySpreadConstraints") or ()]
    selector = api.manifest.body["spec"]["selector"]
    with observe.together():
        observe("API pods that a rollout may remove first", expected=0, observed=rolling.get("maxUnavailable"))
        observe("pods that a drain may remove at a time", expected=dict.fromkeys(("voting-api", "voting-consumer"), 1), observed=budgets)
        observe("topology over which API pods are spread", expected=[("kubernetes.io/hostname", selector)], observed=spread)


def _decoded(manifest: Manifest, key: str) -> str:
    return base64.b64decode((manifest.body.get("data") or {}).get(key, "")).decode()


def _problem(program: str) -> str:
    """Return why a program is not Python that requests the results; empty if it is."""
    try:
        compile(program, "the test pod", "exec")
    except (SyntaxError, ValueError) as error:
        return str(error)
    return "" if "/api/results" in program else "it does not request the results"


def _pair(cell: str) -> tuple[str, str]:
    folder, _, kept = cell.partition(" ")
    return folder, CLAIMED if kept == "(kept)" else TEMPORARY


def _variables(page: str, section: str) -> list[str]:
    body = dict(markdown.sections(page, 2)).get(f"Read by {section}", "")
    return [found[1] for row in markdown.table_rows(body) if (found := VARIABLE.fullmatch(row[0]))]


def _listens(container: Container) -> list[int]:
    """Return the ports that a program listens on, by its variables and arguments."""
    variables = {name: given.value for name, given in container.env.items()}
    if container.name == "api":
        return [int(variables.get("API_PORT") or protocol.API_PORT)]
    if container.name == "consumer":
        return [int(variables["METRICS_PORT"] or 0)] if "METRICS_PORT" in variables else []
    if container.name == "redis":
        return [int(port) for port in REDIS_PORT.findall("\n".join(container.body.get("args") or ()))]
    return [POSTGRES_PORT]
