"""What the chart's schema refuses: for every place of the schema the values that break each of its rules, made from the schema itself."""

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
"""Texts that a form seldom allows: the first three that break it are tried."""
NO_RULES = ("type", "properties", "items", "definitions", "$schema", "title")
"""Words of a schema that are tried by themselves, or say nothing about values."""
Described = Mapping[str, Any]
Put = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class WrongValue:
    """What became of one wrong value.

    Attributes:
        value: the value's path, `[]` for an item of a list and `*` for a free key; `values` is all of them.
        wrong: what is wrong with it, such as `below its minimum`.
        given: the wrong value.
        taken: whether the schema took it.
        control: whether the schema takes a right value in the same place; if not, the refusal proves nothing.
    """

    path: str
    violation: str
    value: Any
    accepted: bool
    control: bool


def try_wrong_values(chart_dir: Path) -> tuple[WrongValue, ...]:
    """Give every place of the schema all that breaks a rule of it, one at a time.

    Raises:
        ProbeError: the chart has no schema, a rule of it is not known here, or helm cannot read the chart.
    """
    whole = merged(chart_dir)
    with tempfile.TemporaryDirectory(prefix="votecheck-refusals-") as temporary:
        bare = Path(temporary)  # without values of its own, which helm would mix with what is given
        for name in ("Chart.yaml", "values.schema.json"):
            if not (chart_dir / name).is_file():
                raise ProbeError(f"{chart_dir} has no {name}.", "this is not the whole chart", f"ls {chart_dir}")
            shutil.copy(chart_dir / name, bare)
        with open_chart(bare) as chart:
            takes = partial(_takes, chart)
            found = []
            for place in _Walk(chart.schema or {}).below((), chart.schema or {}, whole, dict):
                control = takes(place.put(place.right))
                found += [WrongValue(place.value, wrong, given, takes(place.put(given)), control) for wrong, given in place.broken]
            return tuple(found)


def unconstrained(tried: Iterable[WrongValue]) -> tuple[str, ...]:
    """Find the places whose kind is all that the schema says of them; a switch needs no more."""
    wrong: dict[str, list[str]] = {}
    for one in tried:
        wrong.setdefault(one.path, []).append(one.violation)
    lasts = [value for value in wrong if not any(other.startswith(f"{value}.") for other in wrong)]
    return tuple(v for v in lasts if not any(w.startswith("breaks") or w.endswith("not boolean") for w in wrong[v]))


def _takes(chart: helm.Chart, values: dict[str, Any]) -> bool:
    try:
        chart.validate_schema(values)
    except helm.HelmValuesError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the values: how to put something there, what is right there, and what is wrong there and why."""

    value: str
    put: Put
    right: Any
    broken: tuple[tuple[str, Any], ...]


class _Walk:
    """The rules of one schema, and values that break them or keep them."""

    def __init__(self, schema: Described) -> None:
        self.schema = schema

    def below(self, path: tuple[str, ...], described: Described, here: Any, put: Put) -> Iterator[_Place]:
        """Go through a place and all below it.

        Args:
            path: where it is.
            described: its part of the schema.
            here: what is there.
            put: makes values with something else there.
        """
        described = self._at(described)
        broken = tuple((wrong, given) for wrong, given in self._broken(described, here) if path or isinstance(given, Mapping))
        yield _Place(".".join(path) or "values", put, self.right(described), broken)
        for name, inner in described.get("properties", {}).items():
            there = here[name] if name in here else self.right(inner)
            yield from self.below((*path, name), inner, there, partial(_put_under, put, here, name))
        if isinstance(described.get("additionalProperties"), Mapping):
            free = described["additionalProperties"]
            yield from self.below((*path, "*"), free, self.right(free), lambda x: put({"x": x}))
        if "items" in described:
            yield from self.below((*path, "[]"), described["items"], self.right(described["items"]), lambda x: put([x]))

    def right(self, described: Described) -> Any:
        """Make a small value that the schema takes."""
        described = self._at(described)
        if "enum" in described:
            return described["enum"][0]
        match _types(described)[0]:
            case "object":
                named = described.get("properties", {})
                wanted = described.get("required") or list(named)[: described.get("minProperties", 0)]
                some = {name: self.right(named[name]) for name in wanted}
                return some or {"x": self.right(described["additionalProperties"])} if described.get("minProperties") else some
            case "array":
                return [self.right(described["items"])]
            case "string":
                length = described.get("minLength", 1)
                form = described.get("pattern", "")
                return next((text for text in ("x" * length, "x", *TEXTS, *URLS, "192.0.2.0/24") if re.search(form, text)), "")
            case "boolean":
                return True
        return described.get("minimum", described.get("exclusiveMinimum", 0) + 1)

    def _broken(self, described: Described, here: Any) -> Iterator[tuple[str, Any]]:
        types = _types(described)
        for kind, given in OF_TYPE.items():
            if "enum" not in described and kind not in types and not (kind == "integer" and "number" in types):
                yield f"{kind}, not {' or '.join(types)}", given
        for rule, limit in described.items():
            yield from ((f"breaks {rule} {limit!r}"[:120], given) for given in self._breaking(rule, limit, described, here))

    def _breaking(self, rule: str, limit: Any, described: Described, here: Any) -> list[Any]:
        if rule == "uniqueItems":
            return [[self.right(described["items"])] * 2]
        if rule not in _BREAKING:
            raise ProbeError(
                f"The schema has a rule that is not known here: {rule}.", "values.schema.json has grown", "add it to refusals.py"
            )
        return _BREAKING[rule](limit, here)

    def _at(self, described: Described) -> Described:
        """Follow references. What stands beside one is kept: draft 7 does not look at it, and then a value that breaks it is taken."""
        while "$ref" in described:
            target: Any = self.schema
            for step in described["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            described = target | {rule: limit for rule, limit in described.items() if rule != "$ref"}
        return described


def _put_under(put: Put, here: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    return put({**here, name: value})


def _not_matching(form: str) -> list[str]:
    return [text for text in UNLIKELY if not re.search(form, text)][:3]


_BREAKING: Mapping[str, Callable[[Any, Any], list[Any]]] = {
    "enum": lambda limit, _: ["votecheck", str(limit[0]).swapcase(), True, 7, ["x"], {"x": "y"}],
    "minimum": lambda limit, _: [limit - 1],
    "exclusiveMinimum": lambda limit, _: [limit],
    "maximum": lambda limit, _: [limit + 1],
    "pattern": lambda limit, _: _not_matching(limit),
    "minLength": lambda limit, _: ["x" * (limit - 1)],
    "maxLength": lambda limit, _: ["x" * (limit + 1)],
    "minItems": lambda _, __: [[]],
    "minProperties": lambda _, __: [{}],
    "propertyNames": lambda limit, _: [{text: "x"} for text in _not_matching(limit["pattern"])],
    "additionalProperties": lambda limit, here: [{**here, "misspelt": 1}] if limit is False else [],
    "required": lambda limit, here: [{name: value for name, value in here.items() if name != wanted} for wanted in limit],
    **dict.fromkeys(NO_RULES, lambda _, __: []),
}
"""For each rule, given its limit and what is right in the place: the values that break it."""


def _types(described: Described) -> tuple[str, ...]:
    kinds = described.get("type", ())
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)
