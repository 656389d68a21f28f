"""Read the chart's values, its shipped values files and its values schema."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

from validation.core import inputs
from validation.core.errors import ProbeError
from validation.probes.chart.manifests import Values, open_chart

Key = tuple[str, ...]


def merged(chart_dir: Path, values: Values | None = None) -> dict[str, Any]:
    """Merge values over the chart's defaults, as an installation does.

    Raises:
        ProbeError: helm cannot read the chart.
    """
    with open_chart(chart_dir) as chart:
        return chart.merge_values(dict(values or {}))


def schema(chart_dir: Path) -> dict[str, Any] | None:
    """Return the chart's values schema, or None.

    Raises:
        ProbeError: helm cannot read the chart.
    """
    with open_chart(chart_dir) as chart:
        return chart.schema


def schema_error(chart_dir: Path, values: Values | None = None) -> str | None:
    """Return why the schema rejects these values merged over the defaults, or None.

    Raises:
        ProbeError: helm cannot read the chart.
    """
    with open_chart(chart_dir) as chart:
        try:
            inputs.note(f"helm template, with {inputs.values(values or {})}")
            chart.validate_schema(dict(values or {}))
        except helm.HelmValuesError as error:
            return str(error).strip()
    return None


def shipped(chart_dir: Path) -> dict[str, dict[str, Any]]:
    """Return the values files in the chart's `ci/`, by file name.

    Raises:
        ProbeError: there is no values file, or one is not YAML.
    """
    files = sorted((chart_dir / "ci").glob("*-values.yaml"))
    if not files:
        raise ProbeError(f"There is no values file in {chart_dir}/ci.", "the chart is incomplete", f"ls {chart_dir}/ci")
    try:
        return {file.name: yaml.safe_load(file.read_text()) or {} for file in files}
    except yaml.YAMLError as broken:
        raise ProbeError(f"A values file in {chart_dir}/ci is not YAML: {broken}") from broken


def leaves(values: Values, under: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Yield path and value of each leaf: strings, numbers, booleans, lists and empty mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*under, name))
        else:
            yield (*under, name), value
