"""What the chart installs, in each of the shapes that it ships a values file for."""

import base64
from collections import Counter
from typing import Any

import pytest

from tests.chart.values_table import CHART
from validation.probes import kubeschemas, manifests, values
from validation.probes.flips import flips
from validation.probes.workloads import Workload, workloads

SHIPPED = values.shipped(CHART)
EVERY_SHAPE = pytest.mark.parametrize("shape", SHIPPED)
WITHOUT_SCHEMA = {"HTTPRoute", "ScaledObject", "TriggerAuthentication"}


def rendered(**changes: Any) -> tuple[manifests.Manifest, ...]:
    return manifests.render(CHART, changes)


def workload(name: str, **changes: Any) -> Workload:
    (found,) = [w for w in workloads(rendered(**changes)) if w.manifest.name == name]
    return found


def kinds(*found: manifests.Manifest) -> Counter[str]:
    return Counter(manifest.kind for manifest in found)


@EVERY_SHAPE
def test_the_linter_has_nothing_to_say(shape: str) -> None:
    assert manifests.lint(CHART, SHIPPED[shape]) == ()


@EVERY_SHAPE
@pytest.mark.parametrize("version", kubeschemas.VERSIONS)
def test_every_object_is_valid_in_every_version(shape: str, version: str) -> None:
    errors = kubeschemas.schema_errors(manifests.render(CHART, SHIPPED[shape]), version)
    assert [error for error in errors if error.manifest.kind not in WITHOUT_SCHEMA or error.text != kubeschemas.NO_SCHEMA] == []


@EVERY_SHAPE
def test_there_are_twelve_network_policies_three_in_each_namespace(shape: str) -> None:
    policies = [m for m in manifests.render(CHART, SHIPPED[shape]) if m.kind == "NetworkPolicy"]
    names = ("voting-frontend", "voting-api", "voting-consumer", "voting-data")
    assert Counter(m.namespace for m in policies) == dict.fromkeys(names, 3)
    assert len({(m.namespace, m.name) for m in policies}) == 12


@EVERY_SHAPE
def test_selectors_are_among_the_labels_of_the_pods_and_have_no_version(shape: str) -> None:
    for found in workloads(manifests.render(CHART, SHIPPED[shape])):
        if found.lasting:
            spec = found.manifest.body["spec"]
            selector, labels = spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]
            assert selector.items() <= labels.items()
            assert set(selector) == {f"app.kubernetes.io/{part}" for part in ("name", "instance", "component")}


def test_every_value_is_read_by_a_template() -> None:
    found = flips(CHART, settings=[{}, *SHIPPED.values()])
    assert len(found) > 80
    assert [flip for flip in found if not flip.places] == []


def test_data_elsewhere_leaves_no_server_no_password_and_no_volume_here() -> None:
    found = kinds(*manifests.render(CHART, SHIPPED["external-data-values.yaml"]))
    assert not found.keys() & {"StatefulSet", "Secret", "Namespace"}
    assert found["Service"] == 1


def test_one_url_replaces_one_server() -> None:
    found = rendered(redis={"url": "redis://:secret@redis.example:6379/0"})
    assert [m.name for m in found if m.kind == "StatefulSet"] == ["postgres"]
    (secret,) = [m for m in found if m.kind == "Secret" and m.namespace == "voting-consumer"]
    assert base64.b64decode(secret.body["data"]["REDIS_URL"]) == b"redis://:secret@redis.example:6379/0"


def test_one_password_is_made_and_is_the_same_in_all_namespaces() -> None:
    secrets = {m.namespace: m.body["data"] for m in rendered() if m.kind == "Secret"}
    passwords = {key: base64.b64decode(value) for key, value in secrets["voting-data"].items()}
    for namespace in ("voting-api", "voting-consumer"):
        assert passwords["REDIS_PASSWORD"] in base64.b64decode(secrets[namespace]["REDIS_URL"])
        assert passwords["POSTGRES_PASSWORD"] in base64.b64decode(secrets[namespace]["DATABASE_URL"])
    assert len(passwords["REDIS_PASSWORD"]) == 32
    assert passwords["REDIS_PASSWORD"] != passwords["POSTGRES_PASSWORD"]


def test_keda_gets_the_address_and_the_password_of_a_redis_elsewhere() -> None:
    found = rendered(consumer={"keda": {"enabled": True}}, redis={"url": "rediss://user:pass:w%2Frd@redis.example:6380/0"})
    (scaled,) = [m for m in found if m.kind == "ScaledObject"]
    for trigger in scaled.body["spec"]["triggers"]:
        assert (trigger["metadata"]["address"], trigger["metadata"]["enableTLS"]) == ("redis.example:6380", "true")
    (secret,) = [m for m in found if m.kind == "Secret" and m.namespace == "voting-consumer"]
    assert base64.b64decode(secret.body["data"]["REDIS_PASSWORD"]) == b"pass:w/rd"


@EVERY_SHAPE
def test_no_secret_is_a_plain_variable_or_a_plain_argument(shape: str) -> None:
    for found in workloads(manifests.render(CHART, SHIPPED[shape])):
        for container in found.containers:
            plain = {name for name, variable in container.env.items() if variable.secret is None}
            assert not [name for name in plain if name.endswith("_URL") or "PASSWORD" in name or "AUTH" in name]
            assert "://" not in str(container.body.get("command")) + str(container.body.get("args"))


def test_a_prefix_moves_everything_so_that_two_releases_fit_in_one_cluster() -> None:
    here = {(m.kind, m.namespace or m.name, m.name) for m in rendered()}
    there = {(m.kind, m.namespace or m.name, m.name) for m in rendered(namespaces={"prefix": "other"})}
    assert len(here) == len(there)
    assert not here & there
    assert "voting-" not in str([m.namespace for m in rendered(namespaces={"prefix": "other"})])


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "voting-api:0.3.2"),
        ({"tag": "1.2.3"}, "voting-api:1.2.3"),
        ({"repository": "registry.example:5000/a/b"}, "registry.example:5000/a/b:0.3.2"),
        ({"digest": f"sha256:{64 * 'a'}"}, f"voting-api:0.3.2@sha256:{64 * 'a'}"),
    ],
)
def test_an_image_is_repository_tag_and_digest(image: dict[str, str], reference: str) -> None:
    assert workload("voting-api", images={"api": image}).containers[0].image == reference


def test_the_api_has_time_to_leave_the_endpoints_and_to_finish() -> None:
    api = workload("voting-api")
    pause = api.containers[0].body["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < pause < api.pod["terminationGracePeriodSeconds"] / 2


def test_an_autoscaler_has_the_replicas_to_itself() -> None:
    assert "replicas" not in workload("voting-api", api={"autoscaling": {"enabled": True}}).manifest.body["spec"]
    assert "replicas" not in workload("voting-consumer", consumer={"keda": {"enabled": True}}).manifest.body["spec"]


def test_votes_outlive_an_uninstall() -> None:
    kept = [m for m in rendered() if "helm.sh/resource-policy" in m.body["metadata"].get("annotations", {})]
    assert [(m.kind, m.namespace or m.name) for m in kept] == [("Namespace", "voting-data"), ("Secret", "voting-data")]
