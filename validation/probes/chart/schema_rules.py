"""Check what the chart's schema rejects: for each path, generate values from the schema that violate each of its rules."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import helm_python as helm

from validation.core.errors import ProbeError
from validation.probes.chart.manifests import open_chart
from validation.probes.chart.value_flips import TEXTS, URLS
from validation.probes.chart.values import merged

OF_TYPE: Mapping[str, Any] = {"boolean": True, "integer": 7, "number": 7.5, "string": "flipped", "array": ["x"], "object": {"x": "y"}}
UNLIKELY = ("", " ", "!", "Two Words", "-", "*", "://", "ü", "x" * 300)
"""Strings that few patterns allow. The first three that a pattern does not match are tried."""
NO_RULES = ("type", "properties", "items", "definitions", "$schema", "title")
"""Keywords of a schema that are handled separately, or do not constrain values."""
Subschema = Mapping[str, Any]
Put = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class WrongValue:
    """A wrong value, and whether the schema accepted it.

    Attributes:
        path: path of the value, with `[]` for an item of a list and `*` for a free key; `values` is the root.
        violation: what is wrong with it, such as `breaks minimum 1`.
        value: the wrong value.
        accepted: whether the schema accepted it.
        control: whether the schema accepts a valid value at the same path. If not, the rejection proves nothing.
    """

    path: str
    violation: str
    value: Any
    accepted: bool
    control: bool


def try_wrong_values(chart_dir: Path) -> tuple[WrongValue, ...]:
    """Violate each rule of the schema at each path, one at a time.

    Raises:
        ProbeError: the chart has no schema, the schema has an unknown rule, or helm cannot read the chart.
    """
    defaults = merged(chart_dir)
    with tempfile.TemporaryDirectory(prefix="votecheck-refusals-") as temporary:
        bare = Path(temporary)  # without values.yaml, which helm would merge into the tried values
        for name in ("Chart.yaml", "values.schema.json"):
            if not (chart_dir / name).is_file():
                raise ProbeError(f"{chart_dir} has no {name}.", "the folder does not contain a complete chart", f"ls {chart_dir}")
            shutil.copy(chart_dir / name, bare)
        with open_chart(bare) as chart:
            accepts = partial(_accepts, chart)
            found = []
            for place in _Walk(chart.schema or {}).below((), chart.schema or {}, defaults, dict):
                control = accepts(place.put(place.valid))
                found += [WrongValue(place.path, violation, value, accepts(place.put(value)), control) for violation, value in place.wrong]
            return tuple(found)


def unconstrained(tried: Iterable[WrongValue]) -> tuple[str, ...]:
    """Return the paths that only a type constrains. A boolean needs no more."""
    violations: dict[str, list[str]] = {}
    for one in tried:
        violations.setdefault(one.path, []).append(one.violation)
    leaves = [path for path in violations if not any(other.startswith(f"{path}.") for other in violations)]
    return tuple(p for p in leaves if not any(v.startswith("breaks") or v.endswith("not boolean") for v in violations[p]))


def _accepts(chart: helm.Chart, values: dict[str, Any]) -> bool:
    try:
        chart.validate_schema(values)
    except helm.HelmValuesError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Place:
    """A path in the values: how to put a value there, a valid value, and wrong values with their violations."""

    path: str
    put: Put
    valid: Any
    wrong: tuple[tuple[str, Any], ...]


class _Walk:
    """Walks through a schema, and generates valid and wrong values."""

    def __init__(self, schema: Subschema) -> None:
        self.schema = schema

    def below(self, path: tuple[str, ...], subschema: Subschema, current: Any, put: Put) -> Iterator[_Place]:
        """Yield the place at a path, and every place below it.

        Args:
            path: the path.
            subschema: its part of the schema.
            current: the value there.
            put: returns the whole values with another value there.
        """
        subschema = self._resolved(subschema)
        wrong = tuple((violation, value) for violation, value in self._wrong(subschema, current) if path or isinstance(value, Mapping))
        yield _Place(".".join(path) or "values", put, self.valid(subschema), wrong)
        for name, inner in subschema.get("properties", {}).items():
            present = current[name] if name in current else self.valid(inner)
            yield from self.below((*path, name), inner, present, partial(_put_under, put, current, name))
        if isinstance(subschema.get("additionalProperties"), Mapping):
            free = subschema["additionalProperties"]
            yield from self.below((*path, "*"), free, self.valid(free), lambda x: put({"x": x}))
        if "items" in subschema:
            yield from self.below((*path, "[]"), subschema["items"], self.valid(subschema["items"]), lambda x: put([x]))

    def valid(self, subschema: Subschema) -> Any:
        """Return a small value that the schema accepts."""
        subschema = self._resolved(subschema)
        if "enum" in subschema:
            return subschema["enum"][0]
        match _types(subschema)[0]:
            case "object":
                properties = subschema.get("properties", {})
                names = subschema.get("required") or list(properties)[: subschema.get("minProperties", 0)]
                value = {name: self.valid(properties[name]) for name in names}
                return value or {"x": self.valid(subschema["additionalProperties"])} if subschema.get("minProperties") else value
            case "array":
                return [self.valid(subschema["items"])]
            case "string":
                length = subschema.get("minLength", 1)
                pattern = subschema.get("pattern", "")
                return next((text for text in ("x" * length, "x", *TEXTS, *URLS, "192.0.2.0/24") if re.search(pattern, text)), "")
            case "boolean":
                return True
        return subschema.get("minimum", subschema.get("exclusiveMinimum", 0) + 1)

    def _wrong(self, subschema: Subschema, current: Any) -> Iterator[tuple[str, Any]]:
        types = _types(subschema)
        for kind, value in OF_TYPE.items():
            if "enum" not in subschema and kind not in types and not (kind == "integer" and "number" in types):
                yield f"{kind}, not {' or '.join(types)}", value
        for rule, limit in subschema.items():
            yield from ((f"breaks {rule} {limit!r}"[:120], value) for value in self._breaking(rule, limit, subschema, current))

    def _breaking(self, rule: str, limit: Any, subschema: Subschema, current: Any) -> list[Any]:
        if rule == "uniqueItems":
            return [[self.valid(subschema["items"])] * 2]
        if rule not in _BREAKING:
            raise ProbeError(
                f"The schema has an unknown rule: {rule}.",
                "the rule is new in values.schema.json",
                "add it to _BREAKING in schema_rules.py",
            )
        return _BREAKING[rule](limit, current)

    def _resolved(self, subschema: Subschema) -> Subschema:
        """Follow references. Keywords beside a `$ref` are kept: draft 7 ignores them, so a value that violates them is accepted."""
        while "$ref" in subschema:
            target: Any = self.schema
            for step in subschema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            subschema = target | {rule: limit for rule, limit in subschema.items() if rule != "$ref"}
        return subschema


def _put_under(put: Put, current: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    return put({**current, name: value})


def _not_matching(pattern: str) -> list[str]:
    return [text for text in UNLIKELY if not re.search(pattern, text)][:3]


_BREAKING: Mapping[str, Callable[[Any, Any], list[Any]]] = {
    "enum": lambda limit, _: ["votecheck", str(limit[0]).swapcase(), True, 7, ["x"], {"x": "y"}],
    "minimum": lambda limit, _: [limit - 1],
    "exclusiveMinimum": lambda limit, _: [limit],
    "maximum": lambda limit, _: [limit + 1],
    "pattern": lambda limit, _: _not_matching(limit),
    "not": lambda limit, _: [text for text in (*TEXTS, *URLS) if re.search(limit["pattern"], text)],
    "minLength": lambda limit, _: ["x" * (limit - 1)],
    "maxLength": lambda limit, _: ["x" * (limit + 1)],
    "minItems": lambda _, __: [[]],
    "minProperties": lambda _, __: [{}],
    "propertyNames": lambda limit, _: [{text: "x"} for text in _not_matching(limit["pattern"])],
    "additionalProperties": lambda limit, current: [{**current, "misspelt": 1}] if limit is False else [],
    "required": lambda limit, current: [{name: value for name, value in current.items() if name != required} for required in limit],
    **dict.fromkeys(NO_RULES, lambda _, __: []),
}
"""For each rule: a function from its limit and the current value to values that violate it."""


def _types(subschema: Subschema) -> tuple[str, ...]:
    types = subschema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)
