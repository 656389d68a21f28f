"""The objects that the chart installs with each shipped values file."""

import base64
from collections import Counter
from typing import Any

import pytest

from tests.chart.values_table import CHART
from validation.probes.chart import kubernetes_schemas, manifests, values
from validation.probes.chart.value_flips import PORTS_ARE_OPEN, flips
from validation.probes.chart.workloads import Workload, workloads

SHIPPED = values.shipped(CHART)
EVERY_VALUES_FILE = pytest.mark.parametrize("file", SHIPPED)
WITHOUT_SCHEMA = {"HTTPRoute", "PodMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication"}


def rendered(**changes: Any) -> tuple[manifests.Manifest, ...]:
    return manifests.render(CHART, changes)


def workload(name: str, **changes: Any) -> Workload:
    (found,) = [w for w in workloads(rendered(**changes)) if w.manifest.name == name]
    return found


def kinds(*found: manifests.Manifest) -> Counter[str]:
    return Counter(manifest.kind for manifest in found)


@EVERY_VALUES_FILE
def test_helm_lint_reports_nothing(file: str) -> None:
    assert manifests.lint(CHART, SHIPPED[file]) == ()


@EVERY_VALUES_FILE
@pytest.mark.parametrize("version", kubernetes_schemas.VERSIONS)
def test_every_object_is_valid_in_every_kubernetes_version(file: str, version: str) -> None:
    errors = kubernetes_schemas.schema_errors(manifests.render(CHART, SHIPPED[file]), version)
    assert [error for error in errors if error.manifest.kind not in WITHOUT_SCHEMA or error.text != kubernetes_schemas.NO_SCHEMA] == []


@EVERY_VALUES_FILE
def test_each_namespace_has_three_network_policies_unless_they_are_disabled(file: str) -> None:
    policies = [m for m in manifests.render(CHART, SHIPPED[file]) if m.kind == "NetworkPolicy"]
    if file == "platform-values.yaml":  # the platform provides its own
        assert policies == []
        return
    names = ("voting-frontend", "voting-api", "voting-consumer", "voting-data")
    assert Counter(m.namespace for m in policies) == dict.fromkeys(names, 3)
    assert len({(m.namespace, m.name) for m in policies}) == 12


@EVERY_VALUES_FILE
def test_selectors_match_the_pod_labels_and_contain_no_version(file: str) -> None:
    for found in workloads(manifests.render(CHART, SHIPPED[file])):
        if found.long_running:
            spec = found.manifest.body["spec"]
            selector, labels = spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]
            assert selector.items() <= labels.items()
            assert set(selector) == {f"app.kubernetes.io/{part}" for part in ("name", "instance", "component")}


def test_every_value_is_read_by_a_template() -> None:
    found = flips(CHART, settings=[{}, PORTS_ARE_OPEN, *SHIPPED.values()])
    assert len(found) > 80
    assert [flip.value for flip in found if not flip.places] == ["consumer.streamName"]  # every other stream is refused


def test_external_data_stores_leave_no_server_password_or_volume() -> None:
    found = kinds(*manifests.render(CHART, SHIPPED["external-data-values.yaml"]))
    assert not found.keys() & {"StatefulSet", "Secret", "Namespace"}
    assert found["Service"] == 1


def test_an_external_url_replaces_only_its_own_server() -> None:
    found = rendered(redis={"url": "redis://:secret@redis.example:6379/0"}, **PORTS_ARE_OPEN)
    assert [m.name for m in found if m.kind == "StatefulSet"] == ["postgres"]
    (secret,) = [m for m in found if m.kind == "Secret" and m.namespace == "voting-consumer"]
    assert base64.b64decode(secret.body["data"]["REDIS_URL"]) == b"redis://:secret@redis.example:6379/0"


def test_generated_passwords_are_the_same_in_all_namespaces() -> None:
    secrets = {m.namespace: m.body["data"] for m in rendered() if m.kind == "Secret"}
    passwords = {key: base64.b64decode(value) for key, value in secrets["voting-data"].items()}
    for namespace in ("voting-api", "voting-consumer"):
        assert passwords["REDIS_PASSWORD"] in base64.b64decode(secrets[namespace]["REDIS_URL"])
        assert passwords["POSTGRES_PASSWORD"] in base64.b64decode(secrets[namespace]["DATABASE_URL"])
    assert len(passwords["REDIS_PASSWORD"]) == 32
    assert passwords["REDIS_PASSWORD"] != passwords["POSTGRES_PASSWORD"]


def test_keda_gets_the_address_and_password_of_an_external_redis() -> None:
    found = rendered(
        consumer={"keda": {"enabled": True}}, redis={"url": "rediss://user:pass:w%2Frd@redis.example:6379/0"}, **PORTS_ARE_OPEN
    )
    (scaled,) = [m for m in found if m.kind == "ScaledObject"]
    for trigger in scaled.body["spec"]["triggers"]:
        assert (trigger["metadata"]["address"], trigger["metadata"]["enableTLS"]) == ("redis.example:6379", "true")
    (secret,) = [m for m in found if m.kind == "Secret" and m.namespace == "voting-consumer"]
    assert base64.b64decode(secret.body["data"]["REDIS_PASSWORD"]) == b"pass:w/rd"


@EVERY_VALUES_FILE
def test_no_secret_is_a_plain_variable_or_argument(file: str) -> None:
    for found in workloads(manifests.render(CHART, SHIPPED[file])):
        for container in found.containers:
            plain = {name for name, variable in container.env.items() if variable.secret is None}
            assert not [name for name in plain if name.endswith("_URL") or "PASSWORD" in name or "AUTH" in name]
            assert "://" not in str(container.body.get("command")) + str(container.body.get("args"))


@EVERY_VALUES_FILE
def test_a_prefix_lets_two_releases_share_a_cluster(file: str) -> None:
    first = manifests.render(CHART, SHIPPED[file])
    moved = manifests.render(
        CHART, {**SHIPPED[file], "namespaces": {**SHIPPED[file].get("namespaces", {}), "prefix": "other"}}, release="other"
    )
    here, there = ({(m.kind, m.namespace or m.name, m.name) for m in found} for found in (first, moved))
    assert len(here) == len(there) == len(first)
    assert not here & there
    assert {m.kind for m in (*first, *moved) if not m.namespace} <= {"Namespace"}  # no other cluster-scoped objects
    assert "voting-" not in str([m.namespace for m in moved])


def test_existing_namespaces_are_used_and_not_created() -> None:
    created = [m.body for m in rendered() if m.kind not in {"Namespace", "Secret"}]
    existing = [m.body for m in rendered(namespaces={"create": False}) if m.kind != "Secret"]
    assert existing == created


@EVERY_VALUES_FILE
def test_every_object_has_the_recommended_labels(file: str) -> None:
    wanted = {f"app.kubernetes.io/{part}" for part in ("name", "instance", "version", "component", "part-of", "managed-by")} | {
        "helm.sh/chart"
    }
    assert [m.name for m in manifests.render(CHART, SHIPPED[file]) if not wanted <= m.body["metadata"]["labels"].keys()] == []


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "voting-api:0.3.2"),
        ({"tag": "1.2.3"}, "voting-api:1.2.3"),
        ({"repository": "registry.example:5000/a/b"}, "registry.example:5000/a/b:0.3.2"),
        ({"digest": f"sha256:{64 * 'a'}"}, f"voting-api:0.3.2@sha256:{64 * 'a'}"),
    ],
)
def test_an_image_reference_is_repository_tag_and_digest(image: dict[str, str], reference: str) -> None:
    assert workload("voting-api", images={"api": image}).containers[0].image == reference


def test_the_api_has_time_to_leave_the_endpoints_and_finish_requests() -> None:
    api = workload("voting-api")
    pause = api.containers[0].body["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < pause < api.pod["terminationGracePeriodSeconds"] / 2


def test_the_tls_host_of_an_ingress_is_its_host() -> None:
    (ingress,) = [m for m in rendered(api={"ingress": {"enabled": True, "host": "polls.example", "tlsSecret": "t"}}) if m.kind == "Ingress"]
    assert ingress.body["spec"]["tls"] == [{"hosts": ["polls.example"], "secretName": "t"}]
    assert [rule["host"] for rule in ingress.body["spec"]["rules"]] == ["polls.example"]


def test_keda_reads_an_existing_secret_too() -> None:
    found = rendered(consumer={"keda": {"enabled": True}}, secrets={"existingSecret": "external"})
    (authentication,) = [m for m in found if m.kind == "TriggerAuthentication"]
    assert [one["name"] for one in authentication.body["spec"]["secretTargetRef"]] == ["external"]


def test_an_autoscaler_alone_sets_the_replicas() -> None:
    assert "replicas" not in workload("voting-api", api={"autoscaling": {"enabled": True}}).manifest.body["spec"]
    assert "replicas" not in workload("voting-consumer", consumer={"keda": {"enabled": True}}).manifest.body["spec"]


def test_votes_survive_an_uninstall() -> None:
    kept = [m for m in rendered() if "helm.sh/resource-policy" in m.body["metadata"].get("annotations", {})]
    assert [(m.kind, m.namespace or m.name) for m in kept] == [("Namespace", "voting-data"), ("Secret", "voting-data")]
