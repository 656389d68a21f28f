"""Steps that compare every field of the chart and of compose.yaml with the explained tables, and this release with the next."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_bdd import parsers, then, when

from features.support.chart import render
from validation.core.settings import RunSettings
from validation.probes.chart import values
from validation.probes.chart.manifests import Manifest
from validation.probes.explained import chart as explained_chart
from validation.probes.explained import compose
from validation.record.observe import Observe

TABLES = "validation/probes/explained"
REMEDY = f"undo the change, or write its reason into {TABLES}"
SHOWN = 8
"""Differences that a finding shows."""
NEXT_RELEASE = "77.7.7"
OTHER_PASSWORDS = {"REDIS_PASSWORD": "another-of-redis", "POSTGRES_PASSWORD": "another-of-postgres"}
CHANGEABLE = {"replicas", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds", "ordinals"}
"""The fields of a StatefulSet that Kubernetes lets an upgrade change."""


@then(parsers.re(r"each field of each object is as the table of (?P<file>\S+\.yaml) explains"))
def fields_are_explained(rendered: tuple[Manifest, ...], chart: Path, file: str, observe: Observe) -> None:
    differing = explained_chart.differences(rendered, values.merged(chart, values.shipped(chart)[file]))
    with observe.together():
        observe("objects", expected="at least 10", observed=len(rendered), holds=len(rendered) >= 10)  # noqa: PLR2004
        evidence = "\n".join(differing)
        observe("fields that differ from their table", expected=[], observed=differing[:SHOWN], evidence=evidence, remedy=REMEDY)


@when("the default values of the chart are read", target_fixture="default_values")
def read_defaults(chart: Path) -> dict[str, Any]:
    return values.merged(chart)


@then("each is as its table explains")
def defaults_are_explained(default_values: Mapping[str, Any], observe: Observe) -> None:
    differing = explained_chart.differing_defaults(default_values)
    observe("default values that differ from their table", expected=[], observed=differing[:SHOWN], remedy=REMEDY)


@when("compose.yaml is read", target_fixture="compose_file")
def read_compose(settings: RunSettings) -> dict[str, Any]:
    return compose.read(settings.source)


@then("each of its fields is as its table explains")
def compose_is_explained(compose_file: Mapping[str, Any], observe: Observe) -> None:
    differing = compose.differences(compose_file)
    observe("fields of compose.yaml that differ from their table", expected=[], observed=differing[:SHOWN], remedy=REMEDY)


@when("compose.yaml is read with other passwords in the environment", target_fixture="compose_passwords")
def read_with_passwords(settings: RunSettings) -> dict[str, tuple[str, str]]:
    return compose.passwords(compose.read(settings.source, OTHER_PASSWORDS))


@then("they replace the default ones, at each server and at each client")
def passwords_are_replaced(compose_passwords: Mapping[str, tuple[str, str]], settings: RunSettings, observe: Observe) -> None:
    found = compose_passwords
    defaults = {password for _, password in compose.passwords(compose.read(settings.source, {})).values()}
    with observe.together():
        observe("passwords in compose.yaml", expected="at least 7", observed=len(found), holds=len(found) >= 7)  # noqa: PLR2004
        observe("default passwords", expected=len(OTHER_PASSWORDS), observed=len(defaults))
        for place, (variable, password) in found.items():
            observe(f"{place} with {variable} in the environment", expected=OTHER_PASSWORDS[variable], observed=password,
                    remedy="compose.yaml")  # fmt: skip


@when("the chart of the next release is rendered", target_fixture="releases")
def render_next(chart: Path, tmp_path: Path, observe: Observe) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the objects of this release and of the next, by name. Both use an existing Secret, so that no password is generated."""
    following = tmp_path / "chart"
    shutil.copytree(chart, following)
    file = following / "Chart.yaml"
    file.write_text(re.sub(r"(?m)^(version|appVersion): .*", rf'\1: "{NEXT_RELEASE}"', file.read_text(encoding="utf-8")), encoding="utf-8")
    given = values.shipped(chart)["gitops-values.yaml"]
    this, later = ({f"{m.kind} {m.name} in {m.namespace}": m.body for m in render(one, given, observe)} for one in (chart, following))
    return this, later


@then("no immutable field differs, and Redis and PostgreSQL are not restarted")
def upgrade_is_possible(releases: tuple[dict[str, Any], dict[str, Any]], observe: Observe) -> None:
    this, later = releases
    with observe.together():
        observe("objects of the next release", expected=sorted(this), observed=sorted(later))
        changed = [name for name in this.keys() & later.keys() if this[name] != later[name]]
        observe("objects that name the new version", expected="at least 10", observed=len(changed), holds=len(changed) >= 10)  # noqa: PLR2004
        for name in sorted(this.keys() & later.keys()):
            before, after = (_immutable(one) for one in (this[name], later[name]))
            if before or after:
                observe(f"immutable fields of {name}", expected=before, observed=after, remedy="Kubernetes refuses the upgrade")
            if name.startswith("StatefulSet"):
                pods = [one[name]["spec"]["template"] for one in releases]
                observe(f"the pod of {name}", expected=pods[0], observed=pods[1], remedy="it is restarted by every upgrade")


def _immutable(body: Mapping[str, Any]) -> dict[str, Any]:
    spec = body.get("spec") or {}
    match body["kind"]:
        case "StatefulSet":
            return {key: value for key, value in spec.items() if key not in CHANGEABLE}
        case "Deployment":
            return {"selector": spec.get("selector")}
        case "Service":
            return {"clusterIP": spec.get("clusterIP")}
    return {}
