"""Steps about custom resources, alerts, and enumerated values that Kubernetes does not validate."""

import re

import yaml
from pytest_bdd import parsers, then

from validation.core.settings import RunSettings
from validation.probes.chart import allowed_values, custom_resources
from validation.probes.chart.manifests import Manifest
from validation.probes.source import documents, markdown
from validation.record.observe import Observe

DOCUMENT = "docs/explanation/guarantees.md"
RUNBOOKS = "docs/guides/alerts.md"
NAMESPACE = re.compile(r'namespace="[^"]+",?')
SERIES = re.compile(r"\b(?:votes?|api)_\w+(\{namespace=\"([^\"]+)\")?")
"""A metric of the API or the consumer in an expression, with the namespace that it is limited to."""


@then(parsers.re(r"each of at least (?P<fewest>\d+) custom resources is one that its project accepts"), converters={"fewest": int})
def custom_resources_are_valid(rendered: tuple[Manifest, ...], fewest: int, observe: Observe) -> None:
    found = [f"{m.kind} {m.name}" for m in rendered if m.kind in custom_resources.KINDS]
    with observe.together():
        observe("custom resources", expected=f"at least {fewest}", observed=found, holds=len(found) >= fewest)
        wrong = [f"{one.manifest.kind} {one.manifest.name} {one.path}: {one.text}" for one in custom_resources.schema_errors(rendered)]
        observe(
            "parts that their projects would reject or ignore",
            expected=[],
            observed=wrong[:5],
            remedy="validation/probes/chart/custom_resources.py",
        )


@then(parsers.re(r"each of at least (?P<fewest>\d+) enumerated values is one that Kubernetes knows"), converters={"fewest": int})
def enumerated_values_are_known(rendered: tuple[Manifest, ...], fewest: int, observe: Observe) -> None:
    found = allowed_values.field_values(rendered)
    with observe.together():
        observe("enumerated values", expected=f"at least {fewest}", observed=len(found), holds=len(found) >= fewest)
        unknown = [f"{one.location}: {one.value}" for one in found if not one.allowed]
        observe("values that Kubernetes does not know", expected=[], observed=unknown, remedy="validation/probes/chart/allowed_values.py")


@then("its alerts are the documented ones, each limited to the namespaces of the release")
def alerts_are_documented(rendered: tuple[Manifest, ...], settings: RunSettings, observe: Observe) -> None:
    blocks = markdown.code_blocks(documents.text(settings.source, DOCUMENT), "yaml")
    documented = {one["alert"]: _condition(one) for block in blocks for group in yaml.safe_load(block)["groups"] for one in group["rules"]}
    found = [m for m in rendered if m.kind == "PrometheusRule"]
    rules = [rule for m in found for group in m.body["spec"]["groups"] for rule in group["rules"]]
    spaces = {"api": next(m.namespace for m in rendered if m.name == "voting-api"), "vote": found[0].namespace if found else ""}
    with observe.together():
        observe(f"alerts of {DOCUMENT}", expected="some", observed=len(documented), holds=bool(documented))
        observe(
            "alerts",
            expected=documented,
            observed={rule["alert"]: _condition(rule) for rule in rules},
            remedy="chart/templates/monitoring.yaml",
        )
        for rule in rules:
            series = [(spaces["api" if one[0].startswith("api_") else "vote"], one[2]) for one in SERIES.finditer(rule["expr"])]
            other = [actual for expected, actual in series if actual != expected]
            observe(f"other namespaces in {rule['alert']}", expected=[], observed=other)


@then("each alert links to its own section of the runbooks")
def alerts_have_runbooks(rendered: tuple[Manifest, ...], settings: RunSettings, observe: Observe) -> None:
    sections = {title.lower(): body for title, body in markdown.sections(documents.text(settings.source, RUNBOOKS), 2)}
    links = {rule["alert"]: rule["annotations"].get("runbook_url", "") for m in rendered if m.kind == "PrometheusRule"
             for group in m.body["spec"]["groups"] for rule in group["rules"]}  # fmt: skip
    with observe.together():
        observe("alerts", expected="some", observed=sorted(links), holds=bool(links))
        for alert, link in links.items():
            page, _, anchor = link.partition("#")
            observe(
                f"runbook of {alert}", expected=(RUNBOOKS, alert.lower()), observed=(page, anchor), remedy="chart/templates/monitoring.yaml"
            )
            observe(f"section {alert} of {RUNBOOKS}", expected="some text", observed=bool(sections.get(alert.lower(), "").strip()),
                    holds=bool(sections.get(alert.lower(), "").strip()))  # fmt: skip
        other = sorted(sections.keys() - {alert.lower() for alert in links})
        observe(f"sections of {RUNBOOKS} without an alert", expected=[], observed=other)


def _condition(rule: dict[str, str]) -> tuple[str, str]:
    """Return the condition of an alert: its expression without the namespace, and how long it must hold."""
    return NAMESPACE.sub("", rule["expr"]).replace("{}", ""), rule.get("for", "at once")
