"""The Helm chart as it renders, and the containers in the result."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from validation.core import protocol
from validation.core.errors import Finding
from validation.core.settings import RunSettings
from validation.probes.chart import manifests, workloads
from validation.probes.chart.manifests import Manifest, RenderFailed
from validation.probes.chart.workloads import Container, Workload
from validation.record.observe import Observe

UIDS = {"api": protocol.API_UID, "consumer": protocol.CONSUMER_UID}
"""The users of the two images of the system."""


@pytest.fixture
def chart(settings: RunSettings) -> Path:
    """The chart under test."""
    return settings.source / "chart"


def render(chart: Path, values: Mapping[str, Any], observe: Observe) -> tuple[Manifest, ...]:
    """Render the chart. A chart that does not render is a finding."""
    try:
        return manifests.render(chart, values)
    except RenderFailed as failed:
        observe("the chart renders", expected=True, observed=str(failed), holds=False, remedy="helm template chart")
        raise Finding from failed


def containers(rendered: tuple[Manifest, ...]) -> Iterator[tuple[Workload, Container]]:
    """Yield every container of the rendered chart with its workload."""
    for workload in workloads.workloads(rendered):
        for container in workload.containers:
            yield workload, container


def container_of(rendered: tuple[Manifest, ...], kind: str, name: str) -> Container:
    """Return the only container of a workload."""
    (found,) = [c for w, c in containers(rendered) if (w.manifest.kind, w.manifest.name) == (kind, name)]
    return found


def consumer_of(rendered: tuple[Manifest, ...]) -> Container:
    """Return the container of the consumer Deployment."""
    (found,) = [c for w, c in containers(rendered) if w.manifest.kind == "Deployment" and image_of(c) == "consumer"]
    return found


def pod_of_test(rendered: tuple[Manifest, ...]) -> Container:
    """Return the container of the chart's test pod."""
    (found,) = [c for w, c in containers(rendered) if w.manifest.kind == "Pod"]
    return found


def place_of(workload: Workload, container: Container) -> str:
    """Name a container for an observation."""
    return f"{workload.manifest.kind} {workload.manifest.name}, {container.name}"


def image_of(container: Container) -> str:
    """Return which of the two images of the system a container runs; empty for a third-party image."""
    name = container.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return next((image for image in UIDS if name == f"voting-{image}"), "")
