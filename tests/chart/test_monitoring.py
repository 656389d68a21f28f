"""Objects for the Prometheus Operator: PodMonitors, the network policies that let Prometheus in, and the alerts."""

import re
from typing import Any

import yaml

from tests.chart.values_table import CHART
from validation.core.settings import PROJECT
from validation.probes.chart.manifests import Manifest, render
from validation.probes.chart.workloads import workloads

PROMETHEUS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}


def monitored(**changes: Any) -> tuple[Manifest, ...]:
    return render(CHART, {"monitoring": {"enabled": True, "alerts": True, "prometheusNamespace": "observability"} | changes})


def one(kind: str, name: str, found: tuple[Manifest, ...]) -> Manifest:
    (manifest,) = [m for m in found if (m.kind, m.name) == (kind, name)]
    return manifest


def test_monitoring_objects_exist_only_when_enabled() -> None:
    assert not {"PodMonitor", "PrometheusRule"} & {m.kind for m in render(CHART)}
    assert "METRICS_PORT" not in str([m.body for m in render(CHART)])
    assert "PrometheusRule" not in {m.kind for m in monitored(alerts=False)}


def test_each_pod_monitor_scrapes_a_port_that_its_pods_declare() -> None:
    found = monitored()
    running = {w.manifest.name: w for w in workloads(found)}
    for name in ("voting-api", "voting-consumer"):
        monitor = one("PodMonitor", name, found)
        pods, (container,) = running[name], running[name].containers
        (endpoint,) = monitor.body["spec"]["podMetricsEndpoints"]
        assert monitor.namespace == pods.manifest.namespace
        assert monitor.body["spec"]["selector"] == pods.manifest.body["spec"]["selector"]
        assert endpoint == {"port": container.body["ports"][0]["name"], "path": "/metrics"}


def test_the_consumer_serves_metrics_on_the_scraped_port() -> None:
    (consumer,) = [c for w in workloads(monitored()) for c in w.containers if c.name == "consumer"]
    assert consumer.env["METRICS_PORT"].value == str(consumer.body["ports"][0]["containerPort"])


def test_prometheus_reaches_the_metrics_ports_and_nothing_else() -> None:
    found = monitored()
    opened = {
        m.name: rule
        for m in found
        if m.kind == "NetworkPolicy"
        for rule in m.body["spec"].get("ingress") or ()
        if PROMETHEUS in rule["from"]
    }
    assert {name: rule["ports"] for name, rule in opened.items()} == {
        "allow-api": [{"port": 8000, "protocol": "TCP"}],
        "allow-consumer": [{"port": 9000, "protocol": "TCP"}],
    }
    assert "Ingress" in one("NetworkPolicy", "allow-consumer", found).body["spec"]["policyTypes"]  # otherwise Kubernetes ignores the rule
    assert len([m for m in found if m.kind == "NetworkPolicy"]) == 12
    assert "observability" not in str([m.body for m in monitored(enabled=False, alerts=False)])


def test_the_alerts_match_the_guarantees_page_and_are_limited_to_the_release() -> None:
    page = (PROJECT / "docs" / "explanation" / "guarantees.md").read_text(encoding="utf-8")
    (documented,) = [yaml.safe_load(block)["groups"] for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    (group,) = one("PrometheusRule", "voting", monitored()).body["spec"]["groups"]
    plain = [{key: value for key, value in rule.items() if key in {"alert", "expr", "for"}} for rule in group["rules"]]
    unbound = [rule | {"expr": re.sub(r'namespace="[^"]+",?', "", rule["expr"]).replace("{}", "")} for rule in plain]
    assert [{"name": group["name"], "rules": unbound}] == documented
    for rule in group["rules"]:
        metrics = len(re.findall(r"\b(?:votes?|api)_\w+", rule["expr"]))
        assert len(re.findall(r'\{namespace="voting-(?:api|consumer)"', rule["expr"])) == metrics > 0
        assert rule["annotations"]["summary"]


def test_a_second_release_has_its_own_alerts() -> None:
    found = render(CHART, {"monitoring": {"enabled": True, "alerts": True}, "namespaces": {"prefix": "other"}}, release="other")
    rules = str(one("PrometheusRule", "voting", found).body["spec"])
    assert 'namespace="other-consumer"' in rules
    assert "voting-" not in rules


def test_monitors_and_rules_carry_the_labels_that_prometheus_selects_by() -> None:
    labelled = [m for m in monitored(labels={"release": "prometheus"}) if m.kind in {"PodMonitor", "PrometheusRule"}]
    assert [m.body["metadata"]["labels"]["release"] for m in labelled] == ["prometheus"] * 3
