"""What the chart renders to, and what helm's linter says about it. Helm runs inside this process; no cluster is asked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

from validation.core.errors import ProbeError

RELEASE = "voting"
NAMESPACE = "default"
Values = Mapping[str, Any]


class RenderFailed(Exception):
    """The chart refuses these values or cannot be rendered with them: a fact about the chart. The message is helm's."""


class Severity(IntEnum):
    """How grave the linter finds something."""

    UNKNOWN = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Message:
    """One line of `helm lint`."""

    severity: Severity
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object that the chart renders.

    Attributes:
        template: the template that it comes from, such as `templates/api.yaml`.
        kind, name: what it is.
        namespace: its namespace; empty where the object has none or names none.
        body: the object itself.
    """

    template: str
    kind: str
    name: str
    namespace: str
    body: Mapping[str, Any]


@contextmanager
def open_chart(chart_dir: Path) -> Iterator[helm.Chart]:
    """Load a chart.

    Raises:
        ProbeError: the folder holds no chart that helm can read, or helm itself failed.
        RenderFailed: what the caller asked the chart for failed for a reason of the chart's own.
    """
    try:
        with helm.Chart.load(chart_dir) as chart:
            yield chart
    except (helm.HelmRenderError, helm.HelmValuesError, helm.HelmChartInvalidError) as failure:
        raise RenderFailed(str(failure).strip()) from None
    except helm.HelmError as failure:
        raise ProbeError(
            f"helm cannot read the chart {chart_dir}: {str(failure).strip()}", "there is no whole chart in this folder", f"ls {chart_dir}"
        ) from failure


def render(chart_dir: Path, values: Values | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE) -> tuple[Manifest, ...]:
    """Render the chart and read every object in it, hooks and tests included.

    Raises:
        ProbeError: see `open_chart`.
        RenderFailed: the values are refused, a template fails, or what it makes is not YAML.
    """
    with open_chart(chart_dir) as chart:
        texts = render_texts(chart, values, release=release, namespace=namespace)
    return tuple(manifest for template, text in sorted(texts.items()) for manifest in parse(template, text))


def render_texts(chart: helm.Chart, values: Values | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE) -> dict[str, str]:
    """Render a loaded chart to one text for each template that makes objects; NOTES.txt and empty ones are left out.

    Raises:
        helm.HelmError: to be told apart by `open_chart`, around it.
    """
    rendered = chart.render(dict(values or {}), name=release, namespace=namespace)
    return {
        path.removeprefix(f"{chart.name}/"): text for path, text in rendered.items() if text.strip() and not path.endswith("/NOTES.txt")
    }


def parse(template: str, text: str) -> tuple[Manifest, ...]:
    """Read the objects that one template made.

    Raises:
        RenderFailed: the text is not YAML, or holds something that is no Kubernetes object.
    """
    try:
        bodies = [body for body in yaml.load_all(text, Loader=yaml.CSafeLoader) if body is not None]
        _ = [body["apiVersion"] for body in bodies]  # no part of a Manifest, and what has none is no object of Kubernetes
        return tuple(
            Manifest(template, body["kind"], body["metadata"]["name"], body["metadata"].get("namespace", ""), body) for body in bodies
        )
    except yaml.YAMLError as broken:
        raise RenderFailed(f"{template} does not render to YAML: {broken}") from None
    except (TypeError, KeyError) as missing:
        raise RenderFailed(f"{template} renders to something that is no Kubernetes object: {missing}") from None


def lint(chart_dir: Path, values: Values | None = None) -> tuple[Message, ...]:
    """Ask helm's linter; a good chart gives no message at all.

    Raises:
        ProbeError: helm itself failed; what it finds wrong is in the messages.
    """
    try:
        report = helm.lint(chart_dir, dict(values or {}), strict=True)
    except helm.HelmError as failure:
        raise ProbeError(f"helm cannot lint {chart_dir}: {str(failure).strip()}", next_command=f"ls {chart_dir}") from failure
    return tuple(Message(Severity(m["severity"]), m["path"], m["error"].strip()) for m in report["messages"])
