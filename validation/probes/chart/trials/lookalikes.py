"""Render the chart with texts that YAML reads as something else, and find where they are not text any more.

A release called `123` or `on` is a valid name, but without quotes YAML reads a number or a boolean, and Kubernetes rejects the object.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python as helm
import jsonschema_rs
import yaml

from validation.probes.chart import custom_resources, kubernetes_schemas
from validation.probes.chart.manifests import NAMESPACE, RELEASE, RenderFailed, Values, open_chart, parse, render_texts

LOOKALIKES = (
    *("123", "007", "0x1f", "0o17", "0b11", "1e3", "1.5", "1_000", "12:30:45", "2026-11-29", ".inf", "-1"),
    *("y", "n", "on", "off", "yes", "no", "true", "false", "null", "~"),
    *("<<", "=", "a: b", "# a", "- a", "[a]", "{a}", "*a", "&a", "!a", "%a", "@a", "'", '"', "|"),
)
"""Texts that are numbers, dates, booleans, null or syntax without quotes, in YAML 1.1 or 1.2."""

FIXED = ("consumer.streamName",)
"""Values of which the chart refuses any other."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The chart rendered with one text wherever its schema allows it.

    Attributes:
        text: the text.
        places: the values that have it; `release` and `namespace` are the release's own.
        faults: what is wrong with the objects, such as a label that is a number.
    """

    text: str
    places: tuple[str, ...]
    faults: tuple[str, ...]


def render_with(chart_dir: Path, texts: Iterable[str], base: Values) -> tuple[Rendered, ...]:
    """Render the chart with each text in every value that accepts it, and as the name and namespace of the release.

    Args:
        chart_dir: the chart.
        texts: the texts.
        base: the other values. Optional parts should be enabled in them.

    Raises:
        ProbeError: helm cannot read the chart.
        RenderFailed: the chart cannot be rendered.
    """
    with open_chart(chart_dir) as chart:
        usual = render_texts(chart, dict(base))
        return tuple(_rendered(chart, text, base, usual) for text in texts)


def _rendered(chart: helm.Chart, text: str, base: Values, usual: Mapping[str, str]) -> Rendered:
    schema = chart.schema or {}
    given, places = _replaced(chart.merge_values(dict(base)), schema, schema, text, "")
    release = text if _is_release_name(text) else RELEASE
    namespace = text if _is_release_name(text) and "." not in text else NAMESPACE
    texts = render_texts(chart, given, release=release, namespace=namespace)
    places = (*(name for name, value in (("release", release), ("namespace", namespace)) if value == text), *places)
    try:
        manifests = [manifest for template, rendered in texts.items() for manifest in parse(template, rendered)]
    except RenderFailed as failed:
        return Rendered(text, places, (str(failed),))
    core = [one for one in manifests if one.kind not in custom_resources.KINDS]
    newest = kubernetes_schemas.VERSIONS[-1]
    faults = [f"{one.manifest.kind} {one.manifest.name} {one.path}: {one.text}" for one in kubernetes_schemas.schema_errors(core, newest)]
    faults += [f"{one.manifest.kind} {one.manifest.name} {one.path}: {one.text}" for one in custom_resources.schema_errors(manifests)]
    bare = {template: _unquoted(rendered, text) - _unquoted(usual.get(template, ""), text) for template, rendered in texts.items()}
    faults += [f"{template} has {text} without quotes, {count} times" for template, count in bare.items() if count > 0]
    return Rendered(text, places, tuple(faults))


def _is_release_name(text: str) -> bool:
    try:
        helm.validate_release_name(text)
    except helm.HelmError:
        return False
    return True


def _replaced(value: Any, subschema: Mapping[str, Any], schema: Mapping[str, Any], text: str, path: str) -> tuple[Any, tuple[str, ...]]:
    """Return a value with the text in place of every string that may be it, and where that is."""
    while "$ref" in subschema:
        subschema = schema["definitions"][subschema["$ref"].rpartition("/")[2]]
    match value:
        case str():
            fits = path not in FIXED and jsonschema_rs.is_valid(dict(subschema), text)
            return (text, (path,)) if fits else (value, ())
        case dict():
            inner = {name: subschema.get("properties", {}).get(name) or subschema.get("additionalProperties") or {} for name in value}
            found = {name: _replaced(one, inner[name], schema, text, f"{path}.{name}".lstrip(".")) for name, one in value.items()}
            return {name: one for name, (one, _) in found.items()}, tuple(place for _, places in found.values() for place in places)
        case list():
            items = [_replaced(one, subschema.get("items") or {}, schema, text, f"{path}[]") for one in value[:1]]
            return [*(one for one, _ in items), *value[1:]], tuple(place for _, places in items for place in places)
    return value, ()


def _unquoted(rendered: str, text: str) -> int:
    """Return how often a rendered template has the text as a scalar without quotes. `true` is often meant as a boolean."""
    return sum(node.value == text and node.style in {None, ""} for node in _scalars(rendered))


def _scalars(rendered: str) -> Iterator[yaml.ScalarNode]:
    waiting = [node for node in yaml.compose_all(rendered, Loader=yaml.CSafeLoader) if node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        else:
            waiting += node.value
