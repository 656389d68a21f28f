"""Steps that render the chart, and that check images, variables, secrets and security contexts."""

import base64
import re
from pathlib import Path
from urllib.parse import urlsplit

from pytest_bdd import parsers, then, when

from features.support.chart import UIDS, consumer_of, containers, image_of, place_of, render
from validation.core import protocol
from validation.probes.chart import values
from validation.probes.chart.existing_secret import render_with_secret
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.references import Rendering
from validation.probes.chart.workloads import CONFINED, confinement
from validation.record.observe import Observe

SECRET = re.compile(r"_URL$|PASSWORD|AUTH|TOKEN|SECRET")
"""The names of variables that hold a secret."""
PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]+@")
"""A URL with a password in it."""
SECRET_NAME = "voting-secrets"  # noqa: S105 - a name
EXISTING = {"REDIS_PASSWORD": "existing-of-redis", "POSTGRES_PASSWORD": "existing-of-postgres"}


@when("the chart is rendered", target_fixture="rendered")
def rendered_by_default(chart: Path, observe: Observe) -> tuple[Manifest, ...]:
    return render(chart, {}, observe)


@when(parsers.re(r"the chart is rendered with (?P<file>\S+\.yaml)"), target_fixture="rendered")
def rendered_with_file(chart: Path, file: str, observe: Observe) -> tuple[Manifest, ...]:
    shipped = values.shipped(chart)
    observe(f"{file} is shipped", expected=True, observed=file in shipped)
    return render(chart, shipped[file], observe)


@then(parsers.re(r"the consumer's (?P<variable>[A-Z_]+) comes from (?P<source>a Secret|a plain value|the pod's name)"))
def variable_comes_from(rendered: tuple[Manifest, ...], variable: str, source: str, observe: Observe) -> None:
    declared = consumer_of(rendered).env.get(variable)
    observe(f"{variable} is declared", expected=True, observed=declared is not None)
    assert declared is not None  # noqa: S101 - observed above
    if source == "a Secret":
        observe(f"{variable} by secretKeyRef", expected=((SECRET_NAME, variable), None, None), observed=(
            declared.secret, declared.value, declared.field))  # fmt: skip
    elif source == "a plain value":
        default = protocol.CONSUMER_VARIABLES[variable]
        observe(f"{variable} in the rendered Deployment", expected=default, observed=declared.value)
    else:
        observe(f"{variable} by fieldRef", expected="metadata.name", observed=declared.field)


@then(parsers.re(r"each of at least (?P<fewest>\d+) references in (?P<file>\S+\.yaml) resolves"), converters={"fewest": int})
def references_resolve(rendered: tuple[Manifest, ...], chart: Path, file: str, fewest: int, observe: Observe) -> None:
    external = str(values.merged(chart, values.shipped(chart)[file])["secrets"]["existingSecret"])
    references = Rendering(rendered, frozenset({external} - {""})).references()
    with observe.together():
        observe("references", expected=f"at least {fewest}", observed=len(references), holds=len(references) >= fewest)
        missing = [f"{one.source} names {one.target}" for one in references if not one.exists]
        observe("references that do not resolve", expected=[], observed=missing, remedy="chart/templates")


@then("no container has a secret as a plain value")
def no_plain_secret(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    with observe.together():
        for workload, container in containers(rendered):
            where = place_of(workload, container)
            plain = sorted(name for name, given in container.env.items() if SECRET.search(name) and given.secret is None)
            observe(f"plain variables of {where} that hold a secret", expected=[], observed=plain, remedy="secretKeyRef")
            words = [given.value or "" for given in container.env.values()] + [
                str(container.body.get(key, "")) for key in ("command", "args")
            ]
            shown = [word for word in words if PASSWORD.search(word)]
            observe(f"URLs with a password in {where}", expected=0, observed=len(shown), remedy="secretKeyRef")


@when("the chart is rendered for a cluster that already has passwords", target_fixture="rendered")
def rendered_with_existing_passwords(chart: Path) -> tuple[Manifest, ...]:
    return render_with_secret(chart, f"voting-data/{SECRET_NAME}", EXISTING)


@then("every Secret has the existing passwords, and they survive an uninstallation")
def passwords_are_kept(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    secrets = {m.namespace: m for m in rendered if m.kind == "Secret"}
    found = {name: {key: base64.b64decode(value).decode() for key, value in m.body["data"].items()} for name, m in secrets.items()}
    with observe.together():
        observe(
            "passwords of Redis and PostgreSQL after an upgrade",
            expected=dict(EXISTING),
            observed=found.get("voting-data"),
            remedy="lookup in chart/templates/secrets.yaml",
        )
        for name in ("voting-api", "voting-consumer"):
            for key, password in (("REDIS_URL", "REDIS_PASSWORD"), ("DATABASE_URL", "POSTGRES_PASSWORD")):
                url = found.get(name, {}).get(key, "")
                observe(f"password in the {key} of {name}", expected=EXISTING[password], observed=urlsplit(url).password)
        policy = (secrets["voting-data"].body["metadata"].get("annotations") or {}).get("helm.sh/resource-policy")
        observe("resource policy of the Secret in voting-data", expected="keep", observed=policy)


@then("every container is confined, and the two images run as their own users")
def confined(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    found = list(containers(rendered))
    with observe.together():
        observe("containers", expected="some", observed=len(found), holds=bool(found))
        for workload, container in found:
            where = place_of(workload, container)
            observe(
                f"confinement of {where}", expected=CONFINED, observed=confinement(workload, container), remedy=workload.manifest.template
            )
            image = image_of(container)
            if image:
                observe(f"user of {where}", expected=UIDS[image], observed=container.security.run_as_user, remedy="USER in the Dockerfile")
            else:
                user = container.security.run_as_user
                observe(f"user of {where}", expected="above 0", observed=user, holds=bool(user))


@then("each of the four namespaces enforces restricted")
def restricted(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    label = "pod-security.kubernetes.io/enforce"
    spaces = {m.name: (m.body["metadata"].get("labels") or {}).get(label) for m in rendered if m.kind == "Namespace"}
    observe("Pod Security of the four namespaces", expected=["restricted"] * 4, observed=list(spaces.values()), evidence=spaces)
