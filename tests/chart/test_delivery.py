"""Helm, Flux and Argo CD apply the chart in an order in which nothing waits for ever, and each wrong order is found."""

import copy
from typing import Any

import pytest

from tests.chart.values_table import CHART
from validation.probes.chart import values
from validation.probes.chart.delivery import INSTALL, SYNC, TOOLS, UPGRADE, ahead_of_migration, endless_hooks, stages, waits_for_later
from validation.probes.chart.manifests import Manifest, render

SHIPPED = values.shipped(CHART)
PRODUCTION = render(CHART, SHIPPED["production-values.yaml"])
DEFAULT = render(CHART)
HOOK, WAVE = "argocd.argoproj.io/hook", "argocd.argoproj.io/sync-wave"


def changed(
    manifests: tuple[Manifest, ...], kind: str, annotations: dict[str, str | None], spec: dict[str, Any] | None = None
) -> list[Manifest]:
    """Return the manifests with other annotations, None removing one, and another spec on each object of a kind."""
    found = []
    for one in manifests:
        body = copy.deepcopy(dict(one.body))
        if one.kind == kind:
            own = body["metadata"].setdefault("annotations", {})
            own.update({key: text for key, text in annotations.items() if text is not None})
            body["metadata"]["annotations"] = {key: text for key, text in own.items() if annotations.get(key, text) is not None}
            body["spec"].update(spec or {})
        found.append(Manifest(one.template, one.kind, one.name, one.namespace, body))
    return found


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("file", SHIPPED)
def test_nothing_waits_for_what_comes_later(file: str, tool: str) -> None:
    found = render(CHART, SHIPPED[file])
    assert waits_for_later(found, tool) == ()
    assert tool == INSTALL or ahead_of_migration(found, tool) == ()
    assert endless_hooks(found) == ()


def test_argo_cd_migrates_between_the_servers_and_the_parts() -> None:
    order = {stage.name: {f"{one.kind} {one.name}" for one in stage.manifests} for stage in stages(PRODUCTION, SYNC)}
    assert list(order) == ["Sync, wave 0", "Sync, wave 1", "Sync, wave 2"]
    assert {"StatefulSet redis", "StatefulSet postgres", "Secret voting-secrets", "NetworkPolicy allow-data"} < order["Sync, wave 0"]
    assert order["Sync, wave 1"] == {"Job voting-migrate"}
    assert {"Deployment voting-api", "Deployment voting-consumer", "HorizontalPodAutoscaler voting-api"} < order["Sync, wave 2"]
    assert not any("voting-test" in one for names in order.values() for one in names)


def test_helm_migrates_after_an_installation_and_on_both_sides_of_an_upgrade() -> None:
    assert [stage.name for stage in stages(DEFAULT, INSTALL)] == ["objects", "post-install"]
    assert [stage.name for stage in stages(DEFAULT, UPGRADE)] == ["pre-upgrade", "objects", "post-upgrade"]


def test_the_hooks_of_helm_alone_would_hang_the_first_sync() -> None:
    """As in 0.3.2: Argo CD maps pre-upgrade to PreSync, before there is a database."""
    before = changed(PRODUCTION, "Job", {HOOK: None, WAVE: None})
    assert "Job voting-migrate (PreSync, wave 0) needs StatefulSet postgres (Sync, wave 0)" in waits_for_later(before, SYNC)


def test_a_scaler_ahead_of_its_deployment_is_found() -> None:
    before = changed(PRODUCTION, "HorizontalPodAutoscaler", {WAVE: "0"})
    (found,) = waits_for_later(before, SYNC)
    assert found == "HorizontalPodAutoscaler voting-api (Sync, wave 0) needs Deployment voting-api (Sync, wave 2)"


def test_parts_ahead_of_the_migration_are_found() -> None:
    assert ahead_of_migration(changed(PRODUCTION, "Deployment", {WAVE: "1"}), SYNC) == (
        "Deployment voting-api",
        "Deployment voting-consumer",
    )
    assert ahead_of_migration(changed(PRODUCTION, "Job", {"helm.sh/hook": "post-upgrade"}), UPGRADE) != ()


def test_a_hook_before_an_installation_is_found() -> None:
    assert any(
        "Job voting-migrate (pre-install)" in one
        for one in waits_for_later(changed(DEFAULT, "Job", {"helm.sh/hook": "pre-install"}), INSTALL)
    )


@pytest.mark.parametrize(
    ("annotations", "spec"),
    [
        ({"helm.sh/hook-delete-policy": "hook-succeeded"}, {}),
        ({"argocd.argoproj.io/hook-delete-policy": "HookSucceeded"}, {}),
        ({}, {"activeDeadlineSeconds": None}),
    ],
)
def test_a_hook_that_never_ends_or_runs_only_once_is_found(annotations: dict[str, str | None], spec: dict[str, Any]) -> None:
    assert len(endless_hooks(changed(DEFAULT, "Job", annotations, spec))) == 1


def test_without_generated_passwords_every_rendering_is_the_same() -> None:
    assert render(CHART, SHIPPED["gitops-values.yaml"]) == render(CHART, SHIPPED["gitops-values.yaml"])
    assert render(CHART) != render(CHART)


def test_argo_cd_keeps_the_votes() -> None:
    kept = [(m.kind, m.namespace or m.name) for m in DEFAULT if "Delete=false" in str(m.body["metadata"].get("annotations"))]
    assert kept == [("Namespace", "voting-data"), ("Secret", "voting-data")]
