"""The manifest that runs Locust next to a release is valid, as confined as the chart's pods, and opens only the connections it needs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.values_table import CHART
from validation.images.source import LOAD, reference
from validation.load.generators.cluster import MANIFEST, MASTER, WORKER, manifest
from validation.load.generators.local import Order
from validation.policies.evaluator import NAME_LABEL, Endpoint, Policy, may_connect
from validation.probes.chart import kubernetes_schemas, network_policies
from validation.probes.chart.manifests import Manifest, render

SHIPPED = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["items"]
RELEASE = network_policies.policies(render(CHART))


@pytest.fixture
def order(tmp_path: Path) -> Order:
    scenarios = tmp_path / "scenarios.toml"
    scenarios.write_text("[baseline]\n", encoding="utf-8")
    return Order("http://127.0.0.1:1", "baseline", scenarios, tmp_path, 3)


def pods(objects: list[Any]) -> dict[str, Any]:
    return {one["metadata"]["name"]: one["spec"]["template"] for one in objects if one["kind"] == "Job"}


def policies(objects: list[Any]) -> list[Policy]:
    return [Policy(o["metadata"]["namespace"], o["metadata"]["name"], o["spec"]) for o in objects if o["kind"] == "NetworkPolicy"]


@pytest.mark.parametrize("version", kubernetes_schemas.VERSIONS)
def test_every_object_is_valid(version: str, order: Order) -> None:
    objects = [*SHIPPED, *manifest(order, "other", "release", "voting-load:1")]
    checked = [Manifest(MANIFEST.name, one["kind"], one["metadata"]["name"], one["metadata"]["namespace"], one) for one in objects]
    assert kubernetes_schemas.schema_errors(checked, version) == ()


@pytest.mark.parametrize("name", [MASTER, WORKER])
def test_its_pods_are_as_confined_as_the_pods_of_the_release(name: str) -> None:
    (consumer,) = [one for one in render(CHART) if one.kind == "Deployment" and one.name == "voting-consumer"]
    locust, chart_pod = pods(SHIPPED)[name]["spec"], consumer.body["spec"]["template"]["spec"]
    assert locust["securityContext"].items() <= chart_pod["securityContext"].items()
    assert locust["containers"][0]["securityContext"] == chart_pod["containers"][0]["securityContext"]
    assert locust["automountServiceAccountToken"] is False
    assert locust["containers"][0]["image"] == reference(LOAD)


def end(name: str) -> Endpoint:
    return Endpoint(name, "voting-frontend", pods(SHIPPED)[name]["metadata"]["labels"], {NAME_LABEL: "voting-frontend"})


def test_workers_reach_the_master_and_the_api_and_no_other_pod_reaches_the_master() -> None:
    every = [*RELEASE, *policies(SHIPPED)]
    api = Endpoint("api", "voting-api", {**end(WORKER).labels, "app.kubernetes.io/component": "api"}, {NAME_LABEL: "voting-api"})
    other = Endpoint(
        "other", "voting-frontend", {**end(WORKER).labels, "app.kubernetes.io/component": "test"}, {NAME_LABEL: "voting-frontend"}
    )
    redis = Endpoint("redis", "voting-data", {**end(WORKER).labels, "app.kubernetes.io/component": "redis"}, {NAME_LABEL: "voting-data"})
    assert may_connect(every, end(WORKER), end(MASTER), 5557)
    assert may_connect(every, end(WORKER), api, 8000)
    assert not may_connect(RELEASE, end(WORKER), end(MASTER), 5557), "the policies of the release alone must refuse workers at the master"
    assert not may_connect(every, other, end(MASTER), 5557)
    assert not may_connect(every, end(WORKER), end(MASTER), 8089)
    assert not may_connect(every, end(WORKER), redis, 6379)


def test_an_order_applies_to_one_release_and_one_prefix(order: Order) -> None:
    objects = manifest(order, "other", "mine", "voting-load:1")
    text = yaml.safe_dump(objects)
    assert "voting-frontend" not in text
    assert {one["metadata"]["namespace"] for one in objects} == {"other-frontend"}
    assert {pod["metadata"]["labels"]["app.kubernetes.io/instance"] for pod in pods(objects).values()} == {"mine"}
    assert {pod["spec"]["containers"][0]["image"] for pod in pods(objects).values()} == {"voting-load:1"}
    master = pods(objects)[MASTER]["spec"]["containers"][0]["args"]
    assert {"http://voting-api.other-api.svc:8000", "/results/records", "baseline"} < set(master)
    assert master[master.index("--expect-workers") + 1] == "3"
    (workers,) = [one["spec"] for one in objects if one["metadata"]["name"] == WORKER]
    assert (workers["parallelism"], workers["completions"]) == (3, 3)
