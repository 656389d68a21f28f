"""Find what each of the chart's values changes in the rendered manifests, by changing one value at a time."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python as helm

from validation.probes.chart.manifests import Manifest, Values, open_chart, parse, render_texts
from validation.probes.chart.values import Key, leaves

# Tried in turn for a string or list, until the schema accepts one.
TEXTS = ("flipped", "flipped.example", "7/minute", "77m", "77Mi", "77mb", "sha256:" + 64 * "7")
URLS = ("redis://flipped.example:6379/7", "postgresql://flipped.example/7", "https://flipped.example", "192.0.2.77")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where the rendered manifests changed.

    Attributes:
        kind, name: the object.
        path: path in the object, such as `spec.template.spec.containers.api.image`; empty for the whole object. List items appear by name
            if they have one, otherwise by index.
    """

    kind: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Flip:
    """The effect of changing one value.

    Attributes:
        value: path of the value, such as `consumer.batchSize`.
        before, after: the value before and after the change; None if the schema accepts none of the alternatives tried.
        places: where the manifests changed; empty if no template reads the value.
    """

    value: str
    before: Any
    after: Any
    places: tuple[Place, ...]


def flips(chart_dir: Path, prefixes: Sequence[str] = (), settings: Sequence[Values] = ({},)) -> tuple[Flip, ...]:
    """Change each value to another one that the schema accepts, and return where the manifests changed.

    Args:
        chart_dir: the chart.
        prefixes: prefixes of the values to change, such as `consumer.`; default: all values.
        settings: values to start from, tried in turn until the change has an effect. A disabled component reads no values.

    Raises:
        ProbeError: helm cannot read the chart.
        RenderFailed: the chart cannot be rendered with a value that its schema accepts.
    """
    with open_chart(chart_dir) as chart:
        starts = [_Render(chart, values) for values in settings]
        names = sorted({key for start in starts for key, _ in leaves(start.values)})
        paths = [key for key in names if not prefixes or ".".join(key).startswith(tuple(prefixes))]
        return tuple(_flip(key, starts) for key in paths)


def _flip(key: Key, starts: Sequence["_Render"]) -> Flip:
    tried = Flip(".".join(key), None, None, ())
    for start in starts:
        before = _get(start.values, key)
        if before is None:  # absent from these values
            continue
        for after in _alternatives(before, _schema_at(start.schema, key)):
            try:
                places = start.changes(_set(start.values, key, after))
            except helm.HelmValuesError:  # the schema rejects it
                continue
            tried = Flip(tried.value, before, after, places)
            break
        if tried.places:
            break
    return tried


class _Render:
    """The manifests rendered with one set of values, and how those of other values differ."""

    def __init__(self, chart: helm.Chart, values: Values) -> None:
        self.chart = chart
        self.values = chart.merge_values(dict(values))
        self.schema = chart.schema or {}
        self.texts = render_texts(chart, self.values)
        self.noise: frozenset[Place] = frozenset()  # differences without a change, such as generated passwords
        self.noise = frozenset(self.changes(self.values))

    def changes(self, values: Values) -> tuple[Place, ...]:
        texts = render_texts(self.chart, values)
        differing = [t for t in self.texts.keys() | texts.keys() if self.texts.get(t) != texts.get(t)]
        before = _by_name(m for t in differing for m in parse(t, self.texts.get(t, "")))
        after = _by_name(m for t in differing for m in parse(t, texts.get(t, "")))
        found = {
            Place(kind, name, path)
            for kind, namespace, name in before.keys() | after.keys()
            for path in _differences(before.get((kind, namespace, name)), after.get((kind, namespace, name)))
        }
        return tuple(sorted(found - self.noise))


def _by_name(manifests: Iterator[Manifest]) -> dict[tuple[str, str, str], Any]:
    return {(m.kind, m.namespace, m.name): m.body for m in manifests}


def _differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    if isinstance(before, list) and isinstance(after, list):
        before, after = _named(before), _named(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _differences(before.get(key), after.get(key), f"{at}.{key}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from _differences(left, right, f"{at}.{index}")
    elif before != after:
        yield at


def _named(items: list[Any]) -> Any:
    """Key the items of a list by name, if every item has one."""
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    return (
        dict(zip(names, items, strict=True)) if names and all(isinstance(n, str) for n in names) and len({*names}) == len(names) else items
    )


def _alternatives(value: Any, subschema: Mapping[str, Any]) -> list[Any]:
    """Return other values to try. The schema decides which are valid."""
    if "enum" in subschema:
        options = list(subschema["enum"])
    elif isinstance(value, bool):
        options = [not value]
    elif isinstance(value, int | float):
        options = [value + 1, value - 1]
    elif isinstance(value, list):
        options = [value + value, value[:-1], *([text] for text in (*TEXTS, *URLS))]
    elif isinstance(value, Mapping):
        options = [{"flipped": "flipped"}]
    else:
        options = [*TEXTS, *URLS]
    return [option for option in options if option != value]


def _schema_at(schema: Mapping[str, Any], key: Key) -> Mapping[str, Any]:
    subschema = schema
    for name in (*key, None):
        while "$ref" in subschema:
            target: Any = schema
            for step in subschema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            subschema = target
        if name is not None:
            subschema = subschema.get("properties", {}).get(name, {})
    return subschema


def _get(values: Any, key: Key) -> Any:
    for name in key:
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def _set(values: Values, key: Key, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(values))
    inner: Any = changed
    for name in key[:-1]:
        inner = inner[name]
    inner[key[-1]] = value
    return changed
