"""Steps about the Helm chart as it renders."""

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pytest_bdd import parsers, then, when

from validation.core import protocol
from validation.core.errors import Finding
from validation.core.settings import RunSettings
from validation.probes.chart import manifests, values, workloads
from validation.probes.chart.existing_secret import render_with_secret
from validation.probes.chart.manifests import Manifest, RenderFailed
from validation.probes.chart.references import Rendering
from validation.probes.chart.workloads import CONFINED, Container, Workload, confinement
from validation.record.observe import Observe

SECRET = re.compile(r"_URL$|PASSWORD|AUTH|TOKEN|SECRET")
"""Names of variables that hold a secret."""
PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]+@")
"""A URL with a password in it."""
SECRET_NAME = "voting-secrets"  # noqa: S105 - a name
KEPT = {"REDIS_PASSWORD": "kept-of-redis", "POSTGRES_PASSWORD": "kept-of-postgres"}
OURS = {"api": protocol.API_UID, "consumer": protocol.CONSUMER_UID}


@pytest.fixture
def chart(settings: RunSettings) -> Path:
    """The judged chart."""
    return settings.source / "chart"


@when("the chart is rendered", target_fixture="rendered")
def rendered_by_default(chart: Path, observe: Observe) -> tuple[Manifest, ...]:
    return render(chart, {}, observe)


@when(parsers.re(r"the chart is rendered with (?P<file>\S+\.yaml)"), target_fixture="rendered")
def rendered_with_file(chart: Path, file: str, observe: Observe) -> tuple[Manifest, ...]:
    shipped = values.shipped(chart)
    observe(f"{file} is shipped", expected=True, observed=file in shipped)
    return render(chart, shipped[file], observe)


@when('the chart is rendered with the image tags "9.9.9-api" and "9.9.9-consumer"', target_fixture="rendered")
def rendered_with_tags(chart: Path, observe: Observe) -> tuple[Manifest, ...]:
    return render(chart, {"images": {"api": {"tag": "9.9.9-api"}, "consumer": {"tag": "9.9.9-consumer"}}}, observe)


@then("every container of ours runs one of them")
def runs_the_tags(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    images = [c.image for _, c in containers(rendered) if part(c)]
    with observe.together():
        observe("containers of ours", expected="at least 3", observed=len(images), holds=len(images) >= 3)  # noqa: PLR2004 - API, consumer, migration
        wrong = [image for image in images if not image.endswith((":9.9.9-api", ":9.9.9-consumer"))]
        observe("images with another tag", expected=[], observed=wrong, remedy="the image helper of the chart")


@then(parsers.re(r"the consumer's (?P<variable>[A-Z_]+) comes from (?P<source>a secret|the value|field metadata\.name)"))
def variable_comes_from(rendered: tuple[Manifest, ...], variable: str, source: str, observe: Observe) -> None:
    (container,) = [c for w, c in containers(rendered) if w.manifest.kind == "Deployment" and part(c) == "consumer"]
    declared = container.env.get(variable)
    observe(f"{variable} is declared", expected=True, observed=declared is not None)
    assert declared is not None  # noqa: S101 - observed above
    if source == "a secret":
        observe(f"{variable} by secretKeyRef", expected=("voting-secrets", None, None), observed=(
            declared.secret[0] if declared.secret else None, declared.value, declared.field))  # fmt: skip
    elif source == "the value":
        default = protocol.CONSUMER_VARIABLES[variable]
        observe(f"{variable} in the rendered Deployment", expected=default, observed=declared.value)
    else:
        observe(f"{variable} by fieldRef", expected="metadata.name", observed=declared.field)


@then(
    parsers.re(r"each of at least (?P<fewest>\d+) things that an object of (?P<file>\S+\.yaml) names is there"), converters={"fewest": int}
)
def names_what_is_there(rendered: tuple[Manifest, ...], chart: Path, file: str, fewest: int, observe: Observe) -> None:
    elsewhere = str(values.merged(chart, values.shipped(chart)[file])["secrets"]["existingSecret"])
    named = Rendering(rendered, frozenset({elsewhere} - {""})).references()
    with observe.together():
        observe("things that are named", expected=f"at least {fewest}", observed=len(named), holds=len(named) >= fewest)
        missing = [f"{one.source} names {one.target}" for one in named if not one.exists]
        observe("names of what is not there", expected=[], observed=missing, remedy="chart/templates")


@then("no container has a secret as a plain value")
def no_plain_secret(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    with observe.together():
        for workload, container in containers(rendered):
            where = f"{workload.manifest.kind} {workload.manifest.name}, {container.name}"
            plain = sorted(name for name, given in container.env.items() if SECRET.search(name) and given.secret is None)
            observe(f"secrets of {where} that are plain variables", expected=[], observed=plain, remedy="secretKeyRef")
            words = [given.value or "" for given in container.env.values()] + [
                str(container.body.get(key, "")) for key in ("command", "args")
            ]
            shown = [word for word in words if PASSWORD.search(word)]
            observe(f"URLs with a password in {where}", expected=0, observed=len(shown), remedy="secretKeyRef")


@when("the chart is rendered beside passwords that the cluster has kept", target_fixture="rendered")
def rendered_beside_passwords(chart: Path) -> tuple[Manifest, ...]:
    return render_with_secret(chart, f"voting-data/{SECRET_NAME}", KEPT)


@then("every Secret has the passwords that were kept, and an uninstallation leaves them")
def passwords_are_kept(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    secrets = {m.namespace: m for m in rendered if m.kind == "Secret"}
    found = {name: {key: base64.b64decode(held).decode() for key, held in m.body["data"].items()} for name, m in secrets.items()}
    with observe.together():
        observe(
            "passwords of the servers after an upgrade",
            expected=dict(KEPT),
            observed=found.get("voting-data"),
            remedy="lookup in secrets.yaml",
        )
        for name in ("voting-api", "voting-consumer"):
            for key, password in (("REDIS_URL", "REDIS_PASSWORD"), ("DATABASE_URL", "POSTGRES_PASSWORD")):
                url = found.get(name, {}).get(key, "")
                observe(f"password in the {key} of {name}", expected=KEPT[password], observed=urlsplit(url).password)
        policy = (secrets["voting-data"].body["metadata"].get("annotations") or {}).get("helm.sh/resource-policy")
        observe("what an uninstallation does with the Secret of the servers", expected="keep", observed=policy)


@then("every container is confined, and ours run as the users of their images")
def confined(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    seen = list(containers(rendered))
    with observe.together():
        observe("containers", expected="some", observed=len(seen), holds=bool(seen))
        for workload, container in seen:
            where = f"{workload.manifest.kind} {workload.manifest.name}, {container.name}"
            observe(
                f"confinement of {where}", expected=CONFINED, observed=confinement(workload, container), remedy=workload.manifest.template
            )
            runs = part(container)
            if runs:
                observe(f"user of {where}", expected=OURS[runs], observed=container.security.run_as_user, remedy="USER in the Dockerfile")
            else:
                user = container.security.run_as_user
                observe(f"user of {where}", expected="above 0", observed=user, holds=bool(user))


@then("each of the four namespaces enforces restricted")
def restricted(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    label = "pod-security.kubernetes.io/enforce"
    spaces = {m.name: (m.body["metadata"].get("labels") or {}).get(label) for m in rendered if m.kind == "Namespace"}
    observe("Pod Security of the four namespaces", expected=["restricted"] * 4, observed=list(spaces.values()), evidence=str(spaces))


def render(chart: Path, given: Mapping[str, Any], observe: Observe) -> tuple[Manifest, ...]:
    """Render the chart; that it can not be rendered is a finding."""
    try:
        return manifests.render(chart, given)
    except RenderFailed as failed:
        observe("the chart renders", expected=True, observed=str(failed), holds=False, remedy="helm template chart")
        raise Finding from failed


def containers(rendered: tuple[Manifest, ...]) -> Iterator[tuple[Workload, Container]]:
    """List the containers of everything that runs, each with its workload."""
    for workload in workloads.workloads(rendered):
        for container in workload.containers:
            yield workload, container


def part(container: Container) -> str:
    """Which of our images a container runs; empty for somebody else's."""
    name = container.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return next((part for part in OURS if name == f"voting-{part}"), "")
