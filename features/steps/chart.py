"""Steps about the Helm chart as it renders."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import parsers, then, when

from validation import protocol
from validation.errors import Finding
from validation.observing import Observe
from validation.probes import flips, kubeschemas, manifests, values, workloads
from validation.probes.manifests import Manifest, Message, RenderFailed
from validation.probes.workloads import Container, Workload
from validation.settings import RunSettings

NOT_IN_CORE = ("HTTPRoute", "ScaledObject", "TriggerAuthentication")
"""Kinds that other projects define: Kubernetes itself ships no schema of them."""
OURS = {"api": protocol.API_UID, "consumer": protocol.CONSUMER_UID}


@pytest.fixture
def chart(settings: RunSettings) -> Path:
    """The judged chart."""
    return settings.source / "chart"


@when("the chart is rendered", target_fixture="rendered")
def rendered_by_default(chart: Path, observe: Observe) -> tuple[Manifest, ...]:
    return _render(chart, {}, observe)


@when(parsers.re(r"the chart is rendered with (?P<file>\S+\.yaml)"), target_fixture="rendered")
def rendered_with_file(chart: Path, file: str, observe: Observe) -> tuple[Manifest, ...]:
    shipped = values.shipped(chart)
    observe(f"{file} is shipped", expected=True, observed=file in shipped)
    return _render(chart, shipped[file], observe)


@when('the chart is rendered with the image tags "9.9.9-api" and "9.9.9-consumer"', target_fixture="rendered")
def rendered_with_tags(chart: Path, observe: Observe) -> tuple[Manifest, ...]:
    return _render(chart, {"images": {"api": {"tag": "9.9.9-api"}, "consumer": {"tag": "9.9.9-consumer"}}}, observe)


@when(parsers.re(r"each value under (?P<under>\S+) is flipped, one at a time"), target_fixture="flipped")
def flipped_under(chart: Path, under: str) -> tuple[flips.Flip, ...]:
    return flips.flips(chart, [f"{under}."], [{}, *values.shipped(chart).values()])


@then(parsers.re(r"every flip changes the render, and changes (?P<kind>\w+) (?P<name>\S+)"))
def flip_changes(flipped: tuple[flips.Flip, ...], kind: str, name: str, observe: Observe) -> None:
    with observe.together():
        observe("values that were flipped", expected="some", observed=len(flipped), holds=bool(flipped))
        for flip in flipped:
            observe(f"places that {flip.value} changes", expected="at least one", observed=_places(flip), holds=bool(flip.places),
                    remedy=f"no template reads {flip.value}")  # fmt: skip
        touched = {(place.kind, place.name) for flip in flipped for place in flip.places}
        observe(
            "objects that the flips change", expected=f"{kind} {name} among them", observed=sorted(touched), holds=(kind, name) in touched
        )


@then("every container of ours runs one of them")
def runs_the_tags(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    images = [c.image for _, c in _containers(rendered) if _part(c)]
    with observe.together():
        observe("containers of ours", expected="at least 3", observed=len(images), holds=len(images) >= 3)  # noqa: PLR2004 - API, consumer, migration
        wrong = [image for image in images if not image.endswith((":9.9.9-api", ":9.9.9-consumer"))]
        observe("images with another tag", expected=[], observed=wrong, remedy="the image helper of the chart")


@then(parsers.re(r"the consumer's (?P<variable>[A-Z_]+) comes from (?P<source>a secret|the value|field metadata\.name)"))
def variable_comes_from(rendered: tuple[Manifest, ...], variable: str, source: str, observe: Observe) -> None:
    (container,) = [c for w, c in _containers(rendered) if w.manifest.kind == "Deployment" and _part(c) == "consumer"]
    declared = container.env.get(variable)
    observe(f"{variable} is declared", expected=True, observed=declared is not None)
    assert declared is not None  # noqa: S101 - observed above
    if source == "a secret":
        observe(f"{variable} by secretKeyRef", expected=("voting-secrets", None, None), observed=(
            declared.secret[0] if declared.secret else None, declared.value, declared.field))  # fmt: skip
    elif source == "the value":
        default = protocol.CONSUMER_VARIABLES[variable]
        observe(f"{variable} in the rendered Deployment", expected=default, observed=declared.value)
    else:
        observe(f"{variable} by fieldRef", expected="metadata.name", observed=declared.field)


@then("every container is confined, and ours run as the users of their images")
def confined(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    seen = list(_containers(rendered))
    with observe.together():
        observe("containers", expected="some", observed=len(seen), holds=bool(seen))
        for workload, container in seen:
            where = f"{workload.manifest.kind} {workload.manifest.name}, {container.name}"
            observe(
                f"confinement of {where}", expected=_CONFINED, observed=_confinement(workload, container), remedy=workload.manifest.template
            )
            part = _part(container)
            if part:
                observe(f"user of {where}", expected=OURS[part], observed=container.security.run_as_user, remedy="USER in the Dockerfile")
            else:
                user = container.security.run_as_user
                observe(f"user of {where}", expected="above 0", observed=user, holds=bool(user))


@then("each of the four namespaces enforces restricted")
def restricted(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    label = "pod-security.kubernetes.io/enforce"
    spaces = {m.name: (m.body["metadata"].get("labels") or {}).get(label) for m in rendered if m.kind == "Namespace"}
    observe("Pod Security of the four namespaces", expected=["restricted"] * 4, observed=list(spaces.values()), evidence=str(spaces))


@then("every lasting workload declares a startup, a readiness and a liveness probe that differ")
def three_probes(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    lasting = [(w, c) for w, c in _containers(rendered) if w.lasting and not c.init]
    with observe.together():
        observe("lasting workloads", expected="at least 4", observed=len(lasting), holds=len(lasting) >= 4)  # noqa: PLR2004 - API, consumer, Redis, PostgreSQL
        for workload, container in lasting:
            where = f"{workload.manifest.kind} {workload.manifest.name}"
            observe(f"probes of {where}", expected=sorted(workloads.PROBES), observed=sorted(container.probes))
            kinds = [str(probe) for probe in container.probes.values()]
            observe(f"different probes of {where}", expected=len(kinds), observed=len(set(kinds)), evidence="\n".join(kinds))


@then("the consumer's liveness probe runs python -m system.consumer.beat")
def liveness_is_beat(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    (container,) = [c for w, c in _containers(rendered) if w.manifest.kind == "Deployment" and _part(c) == "consumer"]
    command = (container.probes.get("livenessProbe", {}).get("exec") or {}).get("command", [])
    observe("liveness command", expected=["-m", "system.consumer.beat"], observed=list(command)[-2:], evidence=str(command))


@when("the chart is linted with every shipped values file", target_fixture="messages")
def linted(chart: Path) -> dict[str, tuple[Message, ...]]:
    return {name: manifests.lint(chart, given) for name, given in values.shipped(chart).items()}


@then("there is no message of the linter")
def no_messages(messages: Mapping[str, tuple[Message, ...]], observe: Observe) -> None:
    with observe.together():
        for name, found in messages.items():
            observe(f"lint with {name}", expected=[], observed=[f"{m.severity.name} {m.path}: {m.text}" for m in found])


@when("a misspelt key is added at every level of the values", target_fixture="refusals")
def misspelt(chart: Path) -> dict[str, str | None]:
    every = values.merged(chart)
    levels = sorted({key[:depth] for key, _ in values.leaves(every) for depth in range(len(key))})
    return {".".join((*level, "misspelt")): values.refusal(chart, _nested((*level, "misspelt"))) for level in levels}


@then("each is refused by the schema")
def all_refused(refusals: Mapping[str, str | None], observe: Observe) -> None:
    observe("levels of the values", expected="more than 10", observed=len(refusals), holds=len(refusals) > 10)  # noqa: PLR2004
    taken = [key for key, refusal in refusals.items() if refusal is None]
    observe("misspelt keys that the schema takes", expected=[], observed=taken, remedy="additionalProperties: false in values.schema.json")


@then("every object is valid for 3 versions of Kubernetes")
def valid_for_three(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    core = [m for m in rendered if m.kind not in NOT_IN_CORE]
    with observe.together():
        observe("objects with a published schema", expected="at least 15", observed=len(core), holds=len(core) >= 15)  # noqa: PLR2004
        for version in kubeschemas.VERSIONS:
            wrong = [f"{e.manifest.kind} {e.manifest.name} {e.path}: {e.text}" for e in kubeschemas.schema_errors(core, version)]
            observe(f"objects that Kubernetes {version} refuses", expected=[], observed=wrong[:5])


_CONFINED = {"non-root": True, "read-only root": True, "escalation": False, "privileged": False, "dropped": ["ALL"], "added": [],
             "seccomp": "RuntimeDefault", "service-account token": False, "host": []}  # fmt: skip


def _confinement(workload: Workload, container: Container) -> dict[str, Any]:
    security, pod = container.security, workload.pod
    return {
        "non-root": security.run_as_non_root,
        "read-only root": security.read_only_root,
        "escalation": security.escalation,
        "privileged": bool(security.privileged),
        "dropped": list(security.dropped),
        "added": list(security.added),
        "seccomp": security.seccomp,
        "service-account token": pod.get("automountServiceAccountToken"),
        "host": [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)],
    }


def _render(chart: Path, given: Mapping[str, Any], observe: Observe) -> tuple[Manifest, ...]:
    try:
        return manifests.render(chart, given)
    except RenderFailed as failed:
        observe("the chart renders", expected=True, observed=str(failed), holds=False, remedy="helm template chart")
        raise Finding from failed


def _containers(rendered: tuple[Manifest, ...]) -> Iterator[tuple[Workload, Container]]:
    for workload in workloads.workloads(rendered):
        for container in workload.containers:
            yield workload, container


def _part(container: Container) -> str:
    """Which of our images a container runs; empty for somebody else's."""
    name = container.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return next((part for part in OURS if name == f"voting-{part}"), "")


def _places(flip: flips.Flip) -> str:
    return "; ".join(f"{p.kind} {p.name} {p.path}" for p in flip.places) or f"none ({flip.before!r} → {flip.after!r})"


def _nested(path: tuple[str, ...]) -> dict[str, Any]:
    nested: Any = 1
    for key in reversed(path):
        nested = {key: nested}
    return dict(nested)
