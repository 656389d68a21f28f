"""Custom resources and enumerated fields of the chart are valid, each wrong one is found, and readiness commands are told apart."""

import copy
import sys
from collections.abc import Callable
from typing import Any

import pytest

from validation.core.settings import PROJECT
from validation.probes.chart import allowed_values, custom_resources
from validation.probes.chart.manifests import Manifest, render
from validation.probes.chart.values import shipped
from validation.probes.running import readiness

CHART = PROJECT / "chart"
PRODUCTION = render(CHART, shipped(CHART)["production-values.yaml"])
Change = Callable[[Any], object]


def changed(kind: str, change: Change) -> Manifest:
    one = next(m for m in PRODUCTION if m.kind == kind)
    body = copy.deepcopy(dict(one.body))
    change(body)
    return Manifest(one.template, one.kind, one.name, one.namespace, body)


@pytest.mark.parametrize("file", shipped(CHART))
def test_the_chart_has_only_valid_custom_resources_and_allowed_values(file: str) -> None:
    rendered = render(CHART, shipped(CHART)[file])
    assert custom_resources.schema_errors(rendered) == ()
    assert [one for one in allowed_values.field_values(rendered) if not one.allowed] == []
    assert len(allowed_values.field_values(rendered)) > 25


def trigger(body: Any) -> Any:
    return body["spec"]["triggers"][0]["metadata"]


def rule(body: Any) -> Any:
    return body["spec"]["groups"][0]["rules"][0]


@pytest.mark.parametrize(
    ("kind", "change", "path"),
    [
        ("ScaledObject", lambda b: b.update(apiVersion="keda.sh/v1"), "apiVersion"),
        ("ScaledObject", lambda b: b.pop("apiVersion"), ""),
        ("ScaledObject", lambda b: b["spec"].pop("minReplicaCount"), "spec"),
        ("ScaledObject", lambda b: b["spec"].update(minReplicas=1), "spec"),
        ("ScaledObject", lambda b: b["spec"].update(triggers=[]), "spec.triggers"),
        ("ScaledObject", lambda b: trigger(b).update(address="redis"), "spec.triggers.0.metadata.address"),
        ("ScaledObject", lambda b: trigger(b).pop("activationLagCount"), "spec.triggers.0.metadata"),
        ("ScaledObject", lambda b: trigger(b).update(pendingEntriesCount="5"), "spec.triggers.0.metadata"),
        ("TriggerAuthentication", lambda b: b["spec"]["secretTargetRef"][0].update(parameter="pass"), "spec.secretTargetRef.0.parameter"),
        ("PodMonitor", lambda b: b["spec"]["podMetricsEndpoints"][0].update(path="/stats"), "spec.podMetricsEndpoints.0.path"),
        ("PodMonitor", lambda b: b["metadata"].pop("labels"), "metadata"),
        ("PrometheusRule", lambda b: rule(b).update({"for": "1 minute"}), "spec.groups.0.rules.0.for"),
        ("PrometheusRule", lambda b: rule(b)["annotations"].clear(), "spec.groups.0.rules.0.annotations"),
        ("HTTPRoute", lambda b: b["spec"]["rules"][0]["backendRefs"][0].pop("port"), "spec.rules.0.backendRefs.0"),
    ],
)
def test_an_invalid_custom_resource_is_found_with_its_path(kind: str, change: Change, path: str) -> None:
    assert path in [one.path for one in custom_resources.schema_errors([changed(kind, change)])]


@pytest.mark.parametrize(
    ("kind", "change", "path"),
    [
        ("Job", lambda b: b["spec"]["template"]["spec"].update(restartPolicy="Always"), "spec.template.spec.restartPolicy"),
        (
            "Job",
            lambda b: b["metadata"]["annotations"].update({"helm.sh/hook": "post-install,upgrade"}),
            "metadata.annotations.helm.sh/hook",
        ),
        ("Namespace", lambda b: b["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce-version": "v2"}), "enforce-version"),
        ("NetworkPolicy", lambda b: b["spec"].update(policyTypes=["Ingress", "Both"]), "spec.policyTypes"),
        ("StatefulSet", lambda b: b["spec"]["template"]["spec"]["volumes"][0]["emptyDir"].update(sizeLimit="16MB"), "emptyDir.sizeLimit"),
        ("Ingress", lambda b: b["spec"]["rules"][0]["http"]["paths"][0].update(path="/vote"), "paths.path"),
    ],
)
def test_a_value_that_is_not_allowed_is_found_with_its_path(kind: str, change: Change, path: str) -> None:
    (wrong,) = [one for one in allowed_values.field_values([changed(kind, change)]) if not one.allowed]
    assert wrong.location.endswith(path)


CONNECTS = """
import os, socket, sys
from urllib.parse import urlsplit
for variable in sys.argv[1:]:
    url = urlsplit(os.environ[variable])
    socket.create_connection((url.hostname, url.port))
"""


def test_a_command_that_connects_to_both_servers_differs_from_one_that_connects_to_one() -> None:
    both, one = (["python", "-c", CONNECTS, *asked] for asked in (["REDIS_URL", "DATABASE_URL"], ["REDIS_URL"]))
    assert (readiness.ends_with(both), readiness.ends_with(both, away="DATABASE_URL"), readiness.ends_with(both, away="REDIS_URL")) == (
        0,
        1,
        1,
    )
    assert (readiness.ends_with(one), readiness.ends_with(one, away="DATABASE_URL")) == (0, 0)


def test_a_missing_or_hanging_command_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "SECONDS", 0.2)
    assert "cannot run:" in str(readiness.ends_with([]))
    assert "cannot run:" in str(readiness.ends_with(["no/such/program"]))
    assert "did not end" in str(readiness.ends_with([sys.executable, "-c", "import time; time.sleep(60)"]))
