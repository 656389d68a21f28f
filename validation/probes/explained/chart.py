"""Compare every field of every rendered object, and every default of the chart's values, with the explained tables."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from validation.probes.chart import values as chart_values
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.workloads import POD_SPEC_PATH
from validation.probes.explained import tables

CHART, VALUES = "chart.toml", "values.toml"


def differences(manifests: Iterable[Manifest], values: Mapping[str, Any]) -> list[str]:
    """Return what differs from the table of the chart.

    Args:
        manifests: the rendered objects.
        values: the merged values that they were rendered with.
    """
    kept, rules = tuple(manifests), tables.read(CHART)
    names = [name(one) for one in kept]
    found = [*tables.unexplained(rules, names, values), *tables.missing(rules, names, values)]
    for one in kept:
        found += tables.differences(rules, name(one), dict(_fields(one)), values)
    return found


def differing_defaults(defaults: Mapping[str, Any]) -> list[str]:
    """Return which default values differ from their table."""
    fields = {".".join(key): value for key, value in chart_values.leaves(defaults)}
    return list(tables.differences(tables.read(VALUES), "values.yaml", fields))


def name(manifest: Manifest) -> str:
    """Return kind, namespace and name of an object, as the table has them."""
    return f"{manifest.kind} {manifest.namespace}/{manifest.name}"


def _fields(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """Yield path and value of each field. The pod spec is at `pod`, whatever creates the pod."""
    place = POD_SPEC_PATH.get(manifest.kind)
    own = f"{'.'.join(place)}." if place else ""
    for path, value in tables.flatten(manifest.body):
        yield (f"pod.{path.removeprefix(own)}" if own and path.startswith(own) else path), value
