"""compose.yaml repeats what the chart, the Dockerfiles, the protocol and the settings state, and must match them."""

import re
from typing import Any

import pytest
import yaml

from system.settings import ApiSettings, ConsumerSettings, Settings
from validation.core import protocol
from validation.core.settings import PROJECT
from validation.images.source import PARTS, VERSIONS, dockerfile, reference
from validation.probes.chart import manifests
from validation.targets.containers.target import PROCESSES

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OBJECTS = {"redis": "redis", "postgres": "postgres", "api": "voting-api", "consumer": "voting-consumer", "migrate": "voting-migrate"}
BUILT = {"api": "api", "consumer": "consumer", "migrate": "consumer"}
SETTINGS: dict[str, type[Settings]] = {"api": ApiSettings, "consumer": ConsumerSettings, "migrate": Settings}
BYTES = {"Mi": "m", "Gi": "g"}
EVERY = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture(scope="module")
def chart() -> dict[str, dict[str, Any]]:
    """The pod spec of the chart for each service."""
    kinds = {"Deployment", "StatefulSet", "Job"}
    pods = {m.name: m.body["spec"]["template"]["spec"] for m in manifests.render(PROJECT / "chart", {}) if m.kind in kinds}
    return {name: pods[named] for name, named in OBJECTS.items()}


def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    assert isinstance(only, dict)
    return only


def expand(text: str) -> str:
    """Substitute `${NAME:-default}` and `$$` as compose does when NAME is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")


def size(limit: str) -> str:
    return re.sub(r"(Mi|Gi)$", lambda unit: BYTES[unit[0]], limit)


def cpus(limit: object) -> float:
    text = str(limit)
    return float(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)


def test_it_has_the_services_of_the_chart() -> None:
    assert SERVICES.keys() == OBJECTS.keys()


@EVERY
def test_image_user_and_limits_match_the_chart(name: str, chart: dict[str, dict[str, Any]]) -> None:
    pod, service = chart[name], SERVICES[name]
    assert service["image"] == container(pod)["image"]
    assert service["user"] == f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    limits = container(pod)["resources"]["limits"]
    assert service["mem_limit"] == size(limits["memory"])
    assert service["cpus"] == cpus(limits["cpu"])
    assert service["pids_limit"] == PROCESSES


@EVERY
def test_the_confinement_matches_the_chart(name: str, chart: dict[str, dict[str, Any]]) -> None:
    context, service = container(chart[name])["securityContext"], SERVICES[name]
    assert service["read_only"] is context["readOnlyRootFilesystem"] is True
    assert service["cap_drop"] == context["capabilities"]["drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert context["allowPrivilegeEscalation"] is False
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "userns_mode"}


@EVERY
def test_the_writable_folders_match_the_chart(name: str, chart: dict[str, dict[str, Any]]) -> None:
    pod, service = chart[name], SERVICES[name]
    sizes = {volume["name"]: size(volume["emptyDir"]["sizeLimit"]).lower() for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: sizes.get(mount["name"], "") for mount in container(pod)["volumeMounts"]}
    written = {tmpfs.partition(":")[0]: tmpfs.partition("size=")[2].partition(",")[0] for tmpfs in service["tmpfs"]}
    kept = {path: "" for _, _, path in (volume.partition(":") for volume in service.get("volumes", ()))}
    assert written | kept == mounts
    assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= COMPOSE["volumes"].keys()


@EVERY
def test_the_variables_match_the_chart_and_secrets_can_be_set(name: str, chart: dict[str, dict[str, Any]]) -> None:
    entries = {entry["name"]: entry for entry in container(chart[name]).get("env", ())}
    plain = {name: entry["value"] for name, entry in entries.items() if "value" in entry}
    secret = {name for name, entry in entries.items() if "secretKeyRef" in entry.get("valueFrom", {})}
    environment = SERVICES[name]["environment"]
    assert {key: value for key, value in environment.items() if key not in secret} == plain
    assert secret <= environment.keys()
    assert all(re.search(r"\$\{(REDIS|POSTGRES)_PASSWORD:-[^}]+\}", environment[key]) for key in secret)


@pytest.mark.parametrize("name", BUILT)
def test_the_system_accepts_the_variables(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, kind = SERVICES[name]["environment"], SETTINGS[name]
    assert {key.lower() for key in environment} <= kind.model_fields.keys()
    for key, value in environment.items():
        monkeypatch.setenv(key, expand(value))
    kind.read()


def test_the_passwords_match_those_of_the_servers() -> None:
    redis, postgres = (SERVICES[name]["environment"] for name in ("redis", "postgres"))
    for name in BUILT:
        environment = {key: expand(value) for key, value in SERVICES[name]["environment"].items()}
        user, password, database = postgres["POSTGRES_USER"], expand(postgres["POSTGRES_PASSWORD"]), postgres["POSTGRES_DB"]
        assert environment["DATABASE_URL"] == f"postgresql://{user}:{password}@postgres:5432/{database}"
        if name != "migrate":
            assert environment["REDIS_URL"] == f"redis://:{expand(redis['REDISCLI_AUTH'])}@redis:6379/0"


def test_the_consumer_has_the_nine_variables_with_their_published_defaults() -> None:
    environment = SERVICES["consumer"]["environment"]
    assert protocol.CONSUMER_VARIABLES.keys() - environment.keys() == {"CONSUMER_NAME"}, (
        "its default is the host name, which is the container's id"
    )
    assert {key: environment[key] for key, value in protocol.CONSUMER_VARIABLES.items() if value} == {
        key: value for key, value in protocol.CONSUMER_VARIABLES.items() if value
    }


def test_the_redis_configuration_matches_the_chart(chart: dict[str, dict[str, Any]]) -> None:
    pod, service = container(chart["redis"]), SERVICES["redis"]
    assert service["entrypoint"] == pod["command"]
    script = [expand(line) for line in service["command"]]
    assert script == pod["args"]
    for setting, value in protocol.REDIS_SETTINGS.items():
        assert f"\n{setting} {value}\n" in script[0]


def test_the_migration_runs_once_before_api_and_consumer(chart: dict[str, dict[str, Any]]) -> None:
    service = SERVICES["migrate"]
    assert service["entrypoint"] == container(chart["migrate"])["command"]
    assert service["restart"] == "on-failure:10"
    assert service["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("api", "consumer"):
        conditions = {"redis": {"condition": "service_healthy"}, "migrate": {"condition": "service_completed_successfully"}}
        assert SERVICES[name]["depends_on"] == conditions


@pytest.mark.parametrize("name", sorted(OBJECTS.keys() - {"migrate"}))
def test_the_health_checks_match_the_probes_of_the_chart(name: str, chart: dict[str, dict[str, Any]]) -> None:
    probes, service = container(chart[name]), SERVICES[name]
    command = [expand(word) for word in service["healthcheck"]["test"]]
    if name == "api":
        assert f"http://127.0.0.1:{protocol.API_PORT}{probes['readinessProbe']['httpGet']['path']}" in command[-1]
        assert command[1] in dockerfile(PROJECT, "api").read_text(encoding="utf-8")
    else:
        probe = probes["livenessProbe" if name == "consumer" else "readinessProbe"]
        assert command == ["CMD", *probe["exec"]["command"]]
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"] == f"{chart[name]['terminationGracePeriodSeconds']}s"


def test_only_the_api_is_published_and_only_on_localhost() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "api": [f"127.0.0.1:{protocol.API_PORT}:{protocol.API_PORT}"]
    }
    assert {name for name, service in SERVICES.items() if service["networks"] != ["data"]} == {"api"}
    assert COMPOSE["networks"]["data"] == {"internal": True}


@pytest.mark.parametrize("name", BUILT)
def test_each_image_is_built_from_its_dockerfile(name: str) -> None:
    part, service = BUILT[name], SERVICES[name]
    assert service["image"] == reference(part)
    file = PROJECT / service["build"]["context"] / service["build"]["dockerfile"]
    assert file.resolve() == dockerfile(PROJECT, part).resolve()
    arguments = service["build"]["args"]
    declared = " ".join(re.findall(r"^ARG (.+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(arguments) == set(re.findall(r"(\w+)=", declared))
    assert {key: expand(value) for key, value in arguments.items()} == {
        "VERSION": VERSIONS[part],
        "REVISION": "unknown",
        "SOURCE_DIGEST": "unknown",
    }
    assert part in PARTS
