"""Find what each of the chart's values changes in the rendered manifests, by changing one value at a time."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import helm_python as helm

from validation.core.collections import every
from validation.probes.chart.manifests import REFUSAL, Manifest, Values, open_chart, parse, render_texts
from validation.probes.chart.values import Key, leaves

# Tried in turn for a string or list, until the schema accepts one.
TEXTS = ("flipped", "flipped.example", "7/minute", "77m", "77", "77Gi", "77Mi", "77mb", "sha256:" + 64 * "7")
URLS = ("redis://flipped.example:6379/7", "postgresql://flipped.example/7", "https://flipped.example", "192.0.2.77")
PEERS = ({"ipBlock": {"cidr": "192.0.2.0/24"}}, {"namespaceSelector": {"matchLabels": {"flipped": "turned"}}})
LISTS: tuple[list[Any], ...] = (
    ["flipped", "turned", "changed"],
    ["https://flipped.example", "http://turned.example:8080", "https://changed.example"],
    ["192.0.2.77", "198.51.100.0/24", "203.0.113.9"],
    [7701, 7702, 7703],
    [*PEERS],
    [{"peer": peer, "port": port} for peer, port in zip(PEERS, (7701, 7702), strict=True)],
)
"""Lists whose items all differ: a template that reads only the first item, or joins them in another way, does not state all of them."""
MIXED, LARGE = "Flipped.Example", 7_654_321
"""A text that another case would change, and a number that a template prints as 7.654321e+06 unless told otherwise."""

ANY_ADDRESS = {"ipBlock": {"cidr": "192.0.2.0/24"}}
PORTS_ARE_OPEN = {"networkPolicies": {"externalData": [{"peer": ANY_ADDRESS, "port": port} for port in (6379, 5432, 443)]}}
"""Values to start from, in which the URL of an external server or of a collector is not refused."""


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
        stated: for each object that changed, by kind and name, the new texts and numbers at its places.
    """

    value: str
    before: Any
    after: Any
    places: tuple[Place, ...]
    stated: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict, compare=False)

    def missing(self) -> dict[str, list[str]]:
        """Return the items of the new value that a changed object does not state in this order, by object.

        A list of texts is stated item by item, or as one text in which commas separate the items.
        """
        wanted = [*_scalars(self.after, keys=False)]
        found = {
            f"{kind} {name}": [] if ",".join(wanted) in texts else _unstated(wanted, texts, whole=isinstance(self.after, list))
            for (kind, name), texts in self.stated.items()
        }
        return {name: left for name, left in found.items() if left}


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
        before = at(start.values, key)
        if before is None:  # absent from these values
            continue
        for after in (*_telling(before), *alternatives(before, schema_at(start.schema, key))):
            try:
                places, stated = start.changes_and_texts(replaced(start.values, key, after))
            except helm.HelmValuesError:  # the schema rejects it
                continue
            except helm.HelmRenderError as failure:
                if REFUSAL in str(failure):  # the chart does, together with the other values
                    continue
                raise
            tried = Flip(tried.value, before, after, places, stated)
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
        """Return where the manifests change with other values."""
        return self.changes_and_texts(values)[0]

    def changes_and_texts(self, values: Values) -> tuple[tuple[Place, ...], dict[tuple[str, str], tuple[str, ...]]]:
        """Return where the manifests change with other values, and what each changed object then states there."""
        texts = render_texts(self.chart, values)
        differing = [t for t in self.texts.keys() | texts.keys() if self.texts.get(t) != texts.get(t)]
        before = _by_name(m for t in differing for m in parse(t, self.texts.get(t, "")))
        after = _by_name(m for t in differing for m in parse(t, texts.get(t, "")))
        found = {
            Place(kind, name, path)
            for kind, namespace, name in before.keys() | after.keys()
            for path in _differences(before.get((kind, namespace, name)), after.get((kind, namespace, name)))
        }
        places = tuple(sorted(found - self.noise))
        bodies = {(kind, name): body for (kind, _, name), body in after.items()}
        changed: dict[tuple[str, str], list[str]] = {}
        for place in places:
            if (body := bodies.get((place.kind, place.name))) is not None:
                changed.setdefault((place.kind, place.name), []).extend(_scalars(_part(body, place.path), keys=True))
        return places, {whose: tuple(stated) for whose, stated in changed.items()}


def _scalars(value: Any, *, keys: bool) -> Iterator[str]:
    """Yield the texts and numbers in a value as text, in order, with or without the keys of mappings."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (str(key),) * keys
            yield from _scalars(inner, keys=keys)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner, keys=keys)
    elif value is not None:
        yield str(value)


def _part(body: Any, path: str) -> Any:
    """Return what is at the path of a place, or as much of it as exists: what was removed leaves what was around it."""
    rest = path.split(".") if path else []
    while rest:
        inner = _named(body) if isinstance(body, list) else body
        for length in range(len(rest), 0, -1):  # a key may contain dots
            key = ".".join(rest[:length])
            if isinstance(inner, Mapping) and key in inner:
                body, rest = inner[key], rest[length:]
                break
            if isinstance(inner, list) and key.isdigit() and int(key) < len(inner):
                body, rest = inner[int(key)], rest[length:]
                break
        else:
            return body
    return body


def _unstated(wanted: Sequence[str], texts: Sequence[str], *, whole: bool) -> list[str]:
    """Return what is not in the texts, each after the one before it: as a whole text, or as a word in one."""
    left, start = [], 0
    for item in wanted:
        pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(item)}(?![A-Za-z0-9])")
        found = (n for n in range(start, len(texts)) if texts[n] == item or (not whole and pattern.search(texts[n])))
        at_text = next(found, None)
        if at_text is None:
            left.append(item)
        else:
            start = at_text
    return left


def _telling(value: Any) -> list[Any]:
    """Return values to try first: what is lost or changed on the way into a manifest shows."""
    if isinstance(value, list):
        return [one for one in LISTS if one != value]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return []
    return [MIXED] if isinstance(value, str) else [LARGE]


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
    return dict(zip(names, items, strict=True)) if every(isinstance(n, str) for n in names) and len({*names}) == len(names) else items


def alternatives(value: Any, subschema: Mapping[str, Any]) -> list[Any]:
    """Return other values to try. The schema decides which are valid."""
    if "enum" in subschema:
        options = list(subschema["enum"])
    elif isinstance(value, bool):
        options = [not value]
    elif isinstance(value, int | float):
        options = [value + 1, value - 1, value / 2]
    elif isinstance(value, list):
        options = [value + value, value[:-1], *([text] for text in (*TEXTS, *URLS))]
    elif isinstance(value, Mapping):
        options = [{"flipped": "flipped"}]
    else:
        options = [*TEXTS, *URLS]
    return [option for option in options if option != value]


def schema_at(schema: Mapping[str, Any], key: Key) -> Mapping[str, Any]:
    """Return the part of a schema for one value, with references resolved."""
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


def at(values: Any, key: Key) -> Any:
    """Return the value at a path, or None."""
    for name in key:
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def replaced(values: Values, key: Key, value: Any) -> dict[str, Any]:
    """Return a copy of the values with another value at a path."""
    changed = copy.deepcopy(dict(values))
    inner: Any = changed
    for name in key[:-1]:
        inner = inner[name]
    inner[key[-1]] = value
    return changed
