"""Steps about what the chart tells other projects: objects of kinds that are not Kubernetes' own, its alerts, and words of its own."""

import re

import yaml
from pytest_bdd import parsers, then

from validation.core.settings import RunSettings
from validation.probes.chart import allowed_values, custom_resources
from validation.probes.chart.manifests import Manifest
from validation.probes.source import documents
from validation.record.observe import Observe

PROMISE = "docs/explanation/guarantees.md"
BOUND = re.compile(r'namespace="[^"]+",?')
SERIES = re.compile(r"\b(?:votes?|api)_\w+(\{namespace=\"([^\"]+)\")?")
"""A figure of the API or the consumer in an expression, with the namespace that it is held to."""


@then(parsers.re(r"each of at least (?P<fewest>\d+) objects of other projects is what its project takes"), converters={"fewest": int})
def foreign_objects(rendered: tuple[Manifest, ...], fewest: int, observe: Observe) -> None:
    theirs = [f"{m.kind} {m.name}" for m in rendered if m.kind in custom_resources.KINDS]
    with observe.together():
        observe("objects of other projects", expected=f"at least {fewest}", observed=theirs, holds=len(theirs) >= fewest)
        wrong = [f"{one.manifest.kind} {one.manifest.name} {one.path}: {one.text}" for one in custom_resources.schema_errors(rendered)]
        observe(
            "what their projects would refuse or not look at",
            expected=[],
            observed=wrong[:5],
            remedy="validation/probes/chart/custom_resources.py",
        )


@then(parsers.re(r"each of at least (?P<fewest>\d+) words that a cluster chooses among is one that it knows"), converters={"fewest": int})
def words_are_known(rendered: tuple[Manifest, ...], fewest: int, observe: Observe) -> None:
    found = allowed_values.field_values(rendered)
    with observe.together():
        observe("words", expected=f"at least {fewest}", observed=len(found), holds=len(found) >= fewest)
        unknown = [f"{one.location}: {one.value}" for one in found if not one.allowed]
        observe("words that no cluster knows", expected=[], observed=unknown, remedy="validation/probes/chart/allowed_values.py")


@then("its alerts are those that are promised, each held to the namespaces of the release")
def alerts_are_promised(rendered: tuple[Manifest, ...], settings: RunSettings, observe: Observe) -> None:
    promised = re.findall(r"```yaml\n(.*?)```", documents.text(settings.source, PROMISE), re.DOTALL)
    written = {one["alert"]: _said(one) for block in promised for group in yaml.safe_load(block)["groups"] for one in group["rules"]}
    given = [m for m in rendered if m.kind == "PrometheusRule"]
    rules = [rule for m in given for group in m.body["spec"]["groups"] for rule in group["rules"]]
    spaces = {"api": next(m.namespace for m in rendered if m.name == "voting-api"), "vote": given[0].namespace if given else ""}
    with observe.together():
        observe(f"alerts of {PROMISE}", expected="some", observed=len(written), holds=bool(written))
        observe(
            "alerts", expected=written, observed={rule["alert"]: _said(rule) for rule in rules}, remedy="chart/templates/monitoring.yaml"
        )
        for rule in rules:
            held = [(spaces["api" if found[0].startswith("api_") else "vote"], found[2]) for found in SERIES.finditer(rule["expr"])]
            astray = [found for wanted, found in held if found != wanted]
            observe(f"namespaces of {rule['alert']} that are not its own", expected=[], observed=astray)


def _said(rule: dict[str, str]) -> tuple[str, str]:
    """When an alert comes, wherever the release is: its expression without the namespace, and how long that has to hold."""
    return BOUND.sub("", rule["expr"]).replace("{}", ""), rule.get("for", "at once")
