"""Every object that another object refers to exists, and each kind of dangling reference is found."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.chart.values_table import CHART
from validation.probes.chart import values
from validation.probes.chart.manifests import Manifest, render
from validation.probes.chart.references import Rendering

PRODUCTION = render(CHART, values.shipped(CHART)["production-values.yaml"])
PLATFORM = render(CHART, values.shipped(CHART)["platform-values.yaml"])
DEFAULT = render(CHART)
Change = Callable[[Any], object]


def dangling(manifests: tuple[Manifest, ...], kind: str, name: str, change: Change) -> list[str]:
    broken = [
        Manifest(one.template, one.kind, one.name, one.namespace, copy.deepcopy(dict(one.body)))
        if (one.kind, one.name) == (kind, name)
        else one
        for one in manifests
    ]
    for one in broken:
        if (one.kind, one.name) == (kind, name):
            change(one.body)
    return [f"{one.source} names {one.target}" for one in Rendering(tuple(broken)).references() if not one.exists]


@pytest.mark.parametrize("file", values.shipped(CHART))
def test_the_shipped_chart_has_no_dangling_reference(file: str) -> None:
    given = values.shipped(CHART)[file]
    external = frozenset({str(values.merged(CHART, given)["secrets"]["existingSecret"])})
    found = Rendering(render(CHART, given), external).references()
    assert len(found) > 15
    assert [one for one in found if not one.exists] == []


def pod(body: Any) -> Any:
    return body["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("kind", "name", "change", "expected"),
    [
        ("Service", "redis", lambda b: b["spec"]["ports"][0].update(port=6380), "names Service redis in voting-data, port 6379"),
        ("Service", "voting-api", lambda b: b["spec"]["ports"][0].update(targetPort=8001), "names port 8001 of its pods"),
        ("Service", "voting-api", lambda b: b["spec"]["selector"].update(x="y"), "Service voting-api names pods of"),
        ("Service", "postgres", lambda b: b["spec"].pop("selector"), "Service postgres names pods of None"),
        ("StatefulSet", "redis", lambda b: b["spec"].update(serviceName="other"), "StatefulSet redis names Service other"),
        ("StatefulSet", "redis", lambda b: b["spec"].pop("volumeClaimTemplates"), "StatefulSet redis names volume"),
        ("Deployment", "voting-api", lambda b: b["spec"]["selector"]["matchLabels"].update(x="y"), "Deployment voting-api names pods of"),
        ("Deployment", "voting-api", lambda b: pod(b).pop("volumes"), "Deployment voting-api names volume tmp"),
        ("Deployment", "voting-api", lambda b: pod(b)["containers"][0].pop("ports"), "for its livenessProbe"),
        ("Secret", "voting-secrets", lambda b: b.update(stringData={}, data={}), "names REDIS_URL of Secret voting-secrets"),
        ("PodDisruptionBudget", "voting-api", lambda b: b["spec"]["selector"]["matchLabels"].update(x="y"), "Budget voting-api names pods"),
        ("Pod", "voting-test", lambda b: b["spec"]["containers"][0].update(args=["none.voting-api.svc:8000"]), "names Service none"),
    ],
)  # fmt: skip
def test_a_dangling_reference_is_reported(kind: str, name: str, change: Change, expected: str) -> None:
    assert any(expected in one for one in dangling(DEFAULT, kind, name, change)), dangling(DEFAULT, kind, name, change)


@pytest.mark.parametrize(
    ("manifests", "kind", "change"),
    [
        (PRODUCTION, "Ingress", lambda b: b["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(name="other")),
        (PRODUCTION, "HorizontalPodAutoscaler", lambda b: b["spec"]["scaleTargetRef"].update(name="other")),
        (PLATFORM, "HTTPRoute", lambda b: b["spec"]["rules"][0]["backendRefs"][0].update(port=81)),
        (PLATFORM, "ScaledObject", lambda b: b["spec"]["scaleTargetRef"].update(name="other")),
        (PLATFORM, "ScaledObject", lambda b: b["spec"]["triggers"][0]["authenticationRef"].update(name="other")),
        (PLATFORM, "PodMonitor", lambda b: b["spec"]["podMetricsEndpoints"][0].update(port="other")),
    ],
)
def test_a_dangling_reference_of_an_optional_object_is_reported(manifests: tuple[Manifest, ...], kind: str, change: Change) -> None:
    names = [one.name for one in manifests if one.kind == kind]
    if not names:
        manifests = PLATFORM if manifests is PRODUCTION else PRODUCTION
        names = [one.name for one in manifests if one.kind == kind]
    assert names
    assert any(one.startswith(f"{kind} {names[0]} names") for one in dangling(manifests, kind, names[0], change))
