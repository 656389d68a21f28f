"""Render and lint the chart. Helm runs inside this process, without a cluster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

from validation.core import inputs
from validation.core.errors import ProbeError

RELEASE = "voting"
NAMESPACE = "default"
Values = Mapping[str, Any]


class _Loader(yaml.CSafeLoader):
    """Reads YAML 1.1 as Kubernetes does: a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


REFUSAL = "These values cannot work"
"""Begins the chart's own explanation of why it refuses values that its schema accepts."""


class RenderFailed(Exception):
    """The chart rejects the values or cannot be rendered with them: a fault of the chart, not of the harness. The message is helm's."""

    @property
    def refusal(self) -> str:
        """The chart's own reasons, empty if it did not mean to fail."""
        _, found, reasons = str(self).partition(REFUSAL)
        return reasons.strip(": \n") if found else ""

    @property
    def reason(self) -> str:
        """The chart's own reasons, or else helm's message."""
        return self.refusal or str(self)


class Severity(IntEnum):
    """Severity of a linter message."""

    UNKNOWN = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Message:
    """One message of `helm lint`."""

    severity: Severity
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object that the chart renders.

    Attributes:
        template: the template that renders it, such as `templates/api.yaml`.
        kind, name: kind and name of the object.
        namespace: its namespace; empty if it states none.
        body: the whole object.
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
        ProbeError: the folder contains no chart that helm can read, or helm itself failed.
        RenderFailed: the operation inside the block failed because of the chart.
    """
    try:
        with helm.Chart.load(chart_dir) as chart:
            yield chart
    except (helm.HelmRenderError, helm.HelmValuesError, helm.HelmChartInvalidError) as failure:
        raise RenderFailed(str(failure).strip()) from None
    except helm.HelmError as failure:
        raise ProbeError(
            f"helm cannot read the chart {chart_dir}: {str(failure).strip()}",
            "the folder does not contain a complete chart",
            f"ls {chart_dir}",
        ) from failure


def render(chart_dir: Path, values: Values | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE) -> tuple[Manifest, ...]:
    """Render the chart and return every object in it, hooks and tests included.

    Raises:
        ProbeError: see `open_chart`.
        RenderFailed: the schema rejects the values, a template fails, or its output is not YAML.
    """
    with open_chart(chart_dir) as chart:
        texts = render_texts(chart, values, release=release, namespace=namespace)
    return tuple(manifest for template, text in sorted(texts.items()) for manifest in parse(template, text))


def why_not_rendered(chart_dir: Path, values: Values) -> str:
    """Return why the chart does not render with values; empty if it does.

    Raises:
        ProbeError: see `open_chart`.
    """
    try:
        render(chart_dir, values)
    except RenderFailed as failed:
        return failed.reason
    return ""


def render_texts(chart: helm.Chart, values: Values | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE) -> dict[str, str]:
    """Render an open chart and return the text of each template, by path, without NOTES.txt and empty texts.

    Raises:
        helm.HelmError: rendering failed; `open_chart` translates it.
    """
    inputs.note(f"helm template {release} --namespace {namespace}, with {inputs.values(values or {})}")
    rendered = chart.render(dict(values or {}), name=release, namespace=namespace)
    return {
        path.removeprefix(f"{chart.name}/"): text for path, text in rendered.items() if text.strip() and not path.endswith("/NOTES.txt")
    }


def parse(template: str, text: str) -> tuple[Manifest, ...]:
    """Parse the objects in the output of one template.

    Raises:
        RenderFailed: the text is not YAML, or contains something other than Kubernetes objects.
    """
    try:
        bodies = [body for body in yaml.load_all(text, Loader=_Loader) if body is not None]
        _ = [body["apiVersion"] for body in bodies]  # required, though a Manifest does not keep it
        return tuple(
            Manifest(template, body["kind"], body["metadata"]["name"], body["metadata"].get("namespace", ""), body) for body in bodies
        )
    except yaml.YAMLError as broken:
        raise RenderFailed(f"{template} does not render to YAML: {broken}") from None
    except (TypeError, KeyError) as missing:
        raise RenderFailed(f"{template} renders to something other than a Kubernetes object: {missing}") from None


def lint(chart_dir: Path, values: Values | None = None) -> tuple[Message, ...]:
    """Run helm's linter and return its messages; none for a good chart.

    Raises:
        ProbeError: helm itself failed. Problems of the chart are in the messages.
    """
    inputs.note(f"helm lint, with {inputs.values(values or {})}")
    try:
        report = helm.lint(chart_dir, dict(values or {}), strict=True)
    except helm.HelmError as failure:
        raise ProbeError(f"helm cannot lint {chart_dir}: {str(failure).strip()}", next_command=f"ls {chart_dir}") from failure
    return tuple(Message(Severity(m["severity"]), m["path"], m["error"].strip()) for m in report["messages"])
