"""The chart's values: what they are, which files of them it ships, and what its schema says of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

from validation.core.errors import ProbeError
from validation.probes.chart.manifests import Values, open_chart

Key = tuple[str, ...]


def merged(chart_dir: Path, values: Values | None = None) -> dict[str, Any]:
    """Overlay the chart's own values with others, as an installation does.

    Raises:
        ProbeError: helm cannot read the chart.
    """
    with open_chart(chart_dir) as chart:
        return chart.merge_values(dict(values or {}))


def schema(chart_dir: Path) -> dict[str, Any] | None:
    """Read the chart's schema of values; None when it ships none.

    Raises:
        ProbeError: helm cannot read the chart.
    """
    with open_chart(chart_dir) as chart:
        return chart.schema


def schema_error(chart_dir: Path, values: Values | None = None) -> str | None:
    """Say why the schema refuses the chart's values overlaid with these; None when it takes them.

    Raises:
        ProbeError: helm cannot read the chart.
    """
    with open_chart(chart_dir) as chart:
        try:
            chart.validate_schema(dict(values or {}))
        except helm.HelmValuesError as refused:
            return str(refused).strip()
    return None


def shipped(chart_dir: Path) -> dict[str, dict[str, Any]]:
    """Read the values files in the chart's `ci/`, by file name.

    Raises:
        ProbeError: there are none, or one is not YAML.
    """
    files = sorted((chart_dir / "ci").glob("*-values.yaml"))
    if not files:
        raise ProbeError(f"{chart_dir}/ci ships no values file.", "this is not the whole chart", f"ls {chart_dir}/ci")
    try:
        return {file.name: yaml.safe_load(file.read_text()) or {} for file in files}
    except yaml.YAMLError as broken:
        raise ProbeError(f"A values file in {chart_dir}/ci is not YAML: {broken}") from broken


def leaves(values: Values, under: Key = ()) -> Iterator[tuple[Key, Any]]:
    """List the values that have no values inside: texts, numbers, switches, lists and empty mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*under, name))
        else:
            yield (*under, name), value
