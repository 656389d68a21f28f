"""Values that cannot work together are refused with the reason; every other two values render a system that fits together."""

from collections.abc import Mapping
from typing import Any

import pytest

from system.settings import ApiSettings, ConsumerSettings
from tests.chart.values_table import CHART
from validation.probes.chart import values
from validation.probes.chart.manifests import Manifest, RenderFailed, render
from validation.probes.chart.trials.coherence import faults
from validation.probes.chart.trials.pairs import levels, trials
from validation.probes.chart.trials.workable import amount, conflicts
from validation.probes.chart.workloads import workloads
from validation.targets.cluster.installation import small_values

TRIALS = trials(CHART)
ONE_PEER = [{"ipBlock": {"cidr": "192.0.2.0/24"}, "podSelector": {"matchLabels": {"a": "b"}}}]
CANNOT_WORK = [
    ({"consumer": {"streamName": "other"}}, 'consumer.streamName is "other"'),
    ({"api": {"autoscaling": {"enabled": True, "minReplicas": 11}}}, "api.autoscaling.minReplicas (11)"),
    ({"api": {"resources": {"requests": {"memory": "1Gi"}}}}, "api.resources.requests.memory (1Gi)"),
    ({"consumer": {"resources": {"requests": {"cpu": 1}}}}, "consumer.resources.requests.cpu (1)"),
    ({"postgres": {"resources": {"requests": {"ephemeral-storage": "1T"}}}}, "postgres.resources.requests.ephemeral-storage"),
    ({"api": {"resources": {"requests": {"memory": "1Mi"}, "limits": {"memory": "2Mi"}}}}, "api.resources.limits.memory is 2Mi"),
    ({"redis": {"maxmemory": "1gb"}}, "redis.maxmemory (1gb)"),
    ({"redis": {"storage": {"size": "1000M"}}}, "redis.storage.size (1000M)"),
    ({"api": {"ingress": {"enabled": True}}, "networkPolicies": {"ingressControllers": []}}, "networkPolicies.ingressControllers is empty"),
    ({"api": {"httpRoute": {"enabled": True}, "rateLimit": "1/second"}}, "api.trustedProxies is empty"),
    ({"redis": {"url": "redis://redis.example"}}, "redis.url names an external server with port 6379"),
    ({"postgres": {"url": "postgresql://u@db.example:6432/x"}}, "postgres.url names an external server with port 6432"),
    ({"postgres": {"url": "postgresql://u@one.example:6432,two.example:6433/x"}}, "with port 6433"),
    ({"postgres": {"url": "postgresql:///x?host=db.example&port=6432"}}, "with port 6432"),
    ({"tracing": {"endpoint": "http://collector.example:4318"}}, "tracing.endpoint names a collector with port 4318"),
    ({"tracing": {"endpoint": "https://collector.example/x"}}, "tracing.endpoint names a collector with port 443"),
    ({"networkPolicies": {"ingressControllers": ONE_PEER}}, "A peer of networkPolicies has ipBlock 192.0.2.0/24"),
    ({"networkPolicies": {"dns": {"peers": ONE_PEER}}}, "A peer of networkPolicies has ipBlock 192.0.2.0/24"),
    ({"networkPolicies": {"externalData": [{"peer": ONE_PEER[0], "port": 1}]}}, "A peer of networkPolicies has ipBlock 192.0.2.0/24"),
    ({"monitoring": {"alerts": True}}, "monitoring.alerts is true"),
]


def test_the_values_that_a_cluster_run_installs_can_work() -> None:
    images = {part: {"repository": f"localhost/voting-{part}", "tag": "1"} for part in ("api", "consumer")}
    assert render(CHART, small_values("votecheck-1", images))


def refusal(own: Mapping[str, Any]) -> str:
    with pytest.raises(RenderFailed) as failed:
        render(CHART, own)
    return failed.value.refusal


@pytest.mark.parametrize(("own", "says"), CANNOT_WORK, ids=[says for _, says in CANNOT_WORK])
def test_values_that_cannot_work_are_refused_with_a_sentence(own: Mapping[str, Any], says: str) -> None:
    reason = refusal(own)
    assert says in reason
    assert reason.endswith(".")
    assert conflicts(values.merged(CHART, own))


@pytest.mark.parametrize(
    "url", ["postgresql://u@one.example,two.example/x", "postgresql:///x?host=db.example", "postgresql:///x?host=/run/postgresql"]
)
def test_a_server_whose_port_is_open_or_needs_none_is_not_refused(url: str) -> None:
    own = {"postgres": {"url": url}, "networkPolicies": {"externalData": [{"peer": {"ipBlock": {"cidr": "192.0.2.0/24"}}, "port": 5432}]}}
    assert render(CHART, own)
    assert conflicts(values.merged(CHART, own)) == []


def test_every_problem_is_reported_at_once() -> None:
    assert refusal({"consumer": {"streamName": "other"}, "monitoring": {"alerts": True}, "redis": {"maxmemory": "1gb"}}).count("\n- ") >= 2


def test_nearly_every_value_has_several_levels() -> None:
    assert [".".join(key) for key, found in levels(CHART).items() if len(found) < 2] == []


def test_every_two_values_meet() -> None:
    assert TRIALS.pairs > 10_000
    assert 20 < len(TRIALS.working) < 100
    assert 3 < len(TRIALS.refused) < 40


@pytest.mark.parametrize("number", range(len(TRIALS.working)))
def test_a_working_set_of_values_fits_together_and_the_programs_accept_it(number: int) -> None:
    own = TRIALS.working[number]
    manifests = render(CHART, own)
    assert faults(manifests, own) == ()
    accepted(manifests)


@pytest.mark.parametrize(("name", "own"), TRIALS.refused, ids=[name for name, _ in TRIALS.refused])
def test_a_pair_that_no_working_set_contains_is_refused(name: str, own: Mapping[str, Any]) -> None:
    assert refusal(own), name


def accepted(manifests: tuple[Manifest, ...]) -> None:
    """Read the variables of API and consumer as their programs do."""
    for kind, name in ((ApiSettings, "api"), (ConsumerSettings, "consumer")):
        (container,) = [c for w in workloads(manifests) for c in w.containers if c.name == name]
        kind(**{key.lower(): one.value for key, one in container.env.items() if one.value is not None})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("ScaledObject", lambda b: b["spec"]["triggers"][0]["metadata"].update(stream="other")), "several streams"),
        (("ScaledObject", lambda b: b["spec"]["triggers"][0]["metadata"].update(consumerGroup="other")), "several consumer groups"),
        (("TriggerAuthentication", lambda b: b["spec"]["secretTargetRef"][0].update(name="other")), "several Secrets"),
        (("HorizontalPodAutoscaler", lambda b: b["spec"].update(maxReplicas=1)), "a minimum above its maximum"),
        (("Deployment", lambda b: b["spec"].update(replicas=1)), "states replicas next to"),
        (("NetworkPolicy", lambda b: b["spec"].update(egress=[])), "keep api from redis"),
        (
            ("StatefulSet", lambda b: b["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"].update(storage="1Gi")),
            "too small",
        ),
    ],
)
def test_what_does_not_fit_together_is_found(change: Any, says: str) -> None:
    own = values.merged(CHART, values.shipped(CHART)["production-values.yaml"])
    manifests = render(CHART, own)
    assert faults(manifests, own) == ()
    kind, edit = change
    for one in manifests:
        if one.kind == kind:
            edit(one.body)
    assert any(says in one for one in faults(manifests, own)), faults(manifests, own)


def test_quantities_are_numbers() -> None:
    assert [amount(one) for one in ("250m", "1.5", 2, "64Mi", "1G")] == [0.25, 1.5, 2.0, 64 * 2**20, 1e9]
